"""What VEEGAN (Srivastava et al. 2017) and PacGAN (Lin et al. 2018) report of ring and grid."""

# (method, source): {mixture: (modes, share of high quality)}; none reports the ring with centre.
PUBLISHED = {
    ("GAN", "VEEGAN"): {"ring": (1.0, 0.993), "grid": (3.3, 0.005)},
    ("unrolled GAN, 5 steps", "VEEGAN"): {"ring": (7.6, 0.356), "grid": (23.6, 0.16)},
    ("VEEGAN", "VEEGAN"): {"ring": (8.0, 0.529), "grid": (24.6, 0.40)},
    ("GAN", "PacGAN"): {"ring": (6.3, 0.982), "grid": (17.3, 0.948)},
    ("PacGAN2", "PacGAN"): {"ring": (7.9, 0.956), "grid": (23.8, 0.913)},
    ("PacGAN4", "PacGAN"): {"ring": (7.8, 0.959), "grid": (24.8, 0.936)},
}
