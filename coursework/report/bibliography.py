"""What the package builds on, as entries that a report may cite."""

BIBLIOGRAPHY = {
    "adam": "D. P. Kingma and J. Ba. Adam: a method for stochastic optimization. ICLR 2015. arXiv:1412.6980.",
    "aae": "A. Makhzani, J. Shlens, N. Jaitly, I. Goodfellow and B. Frey. Adversarial autoencoders. 2015. "
    "arXiv:1511.05644.",
    "acai": (
        "D. Berthelot, C. Raffel, A. Roy and I. Goodfellow. Understanding and improving interpolation in autoencoders "
        "via an adversarial regularizer. ICLR 2019. arXiv:1807.07543."
    ),
    "averaging": (
        "Y. Yazıcı, C.-S. Foo, S. Winkler, K.-H. Yap, G. Piliouras and V. Chandrasekhar. The unusual effectiveness of "
        "averaging in GAN training. ICLR 2019. arXiv:1806.04498."
    ),
    "beta-vae": (
        "I. Higgins, L. Matthey, A. Pal, C. Burgess, X. Glorot, M. Botvinick, S. Mohamed and A. Lerchner. "
        "β-VAE: learning "
        "basic visual concepts with a constrained variational framework. ICLR 2017."
    ),
    "chainer-gan-lib": "chainer-gan-lib: Chainer implementations of recent GANs. "
    "github.com/pfnet-research/chainer-gan-lib.",
    "cifar10": (
        "A. Krizhevsky. Learning multiple layers of features from tiny images. Technical report, University "
        "of Toronto, "
        "2009."
    ),
    "dcgan": (
        "A. Radford, L. Metz and S. Chintala. Unsupervised representation learning with deep convolutional generative "
        "adversarial networks. ICLR 2016. arXiv:1511.06434."
    ),
    "density-coverage": (
        "M. F. Naeem, S. J. Oh, Y. Uh, Y. Choi and J. Yoo. Reliable fidelity and diversity metrics for "
        "generative models. "
        "ICML 2020. arXiv:2002.09797."
    ),
    "denoising": (
        "P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio and P.-A. Manzagol. Stacked denoising autoencoders. JMLR 11, "
        "2010."
    ),
    "diffaugment": (
        "S. Zhao, Z. Liu, J. Lin, J.-Y. Zhu and S. Han. Differentiable augmentation for data-efficient GAN training. "
        "NeurIPS 2020. arXiv:2006.10738."
    ),
    "dropout": (
        "N. Srivastava, G. Hinton, A. Krizhevsky, I. Sutskever and R. Salakhutdinov. Dropout: a simple way to prevent "
        "neural networks from overfitting. JMLR 15, 2014."
    ),
    "fid": (
        "M. Heusel, H. Ramsauer, T. Unterthiner, B. Nessler and S. Hochreiter. GANs trained by a two time-scale update "
        "rule converge to a local Nash equilibrium. NeurIPS 2017. arXiv:1706.08500."
    ),
    "gan": (
        "I. Goodfellow, J. Pouget-Abadie, M. Mirza, B. Xu, D. Warde-Farley, S. Ozair, A. Courville and Y. Bengio. "
        "Generative adversarial nets. NeurIPS 2014. arXiv:1406.2661."
    ),
    "inception-score": (
        "T. Salimans, I. Goodfellow, W. Zaremba, V. Cheung, A. Radford and X. Chen. Improved techniques for training "
        "GANs. NeurIPS 2016. arXiv:1606.03498."
    ),
    "kid": (
        "M. Bińkowski, D. J. Sutherland, M. Arbel and A. Gretton. Demystifying MMD GANs. ICLR 2018. arXiv:1801.01401."
    ),
    "model-cards": "M. Mitchell et al. Model cards for model reporting. FAT* 2019. arXiv:1810.03993.",
    "precision-recall": (
        "T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen and T. Aila. Improved precision and recall metric "
        "for assessing "
        "generative models. NeurIPS 2019. arXiv:1904.06991."
    ),
    "projection": "T. Miyato and M. Koyama. cGANs with projection discriminator. ICLR 2018. arXiv:1802.05637.",
    "rae": (
        "P. Ghosh, M. S. M. Sajjadi, A. Vergari, M. Black and B. Schölkopf. From variational to deterministic "
        "autoencoders. ICLR 2020. arXiv:1903.12436."
    ),
    "sngan": (
        "T. Miyato, T. Kataoka, M. Koyama and Y. Yoshida. Spectral normalization for generative adversarial networks. "
        "ICLR 2018. arXiv:1802.05957."
    ),
    "vae": "D. P. Kingma and M. Welling. Auto-encoding variational Bayes. ICLR 2014. arXiv:1312.6114.",
    "vqvae": "A. van den Oord, O. Vinyals and K. Kavukcuoglu. Neural discrete representation learning. "
    "NeurIPS 2017. arXiv:1711.00937.",
    "wgan-gp": (
        "I. Gulrajani, F. Ahmed, M. Arjovsky, V. Dumoulin and A. Courville. Improved training of Wasserstein GANs. "
        "NeurIPS 2017. arXiv:1704.00028."
    ),
}
