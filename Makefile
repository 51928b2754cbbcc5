# Everything a user does, by name: `make` lists the targets.
PYTHON  ?= python3
DATASET ?= cifar10
SEED    ?= 0
EPOCHS  ?=
RUNS    ?=
METRICS ?=
SAMPLES ?=
INCEPTION ?=
IMAGES  ?=
STEPS   ?=
MINUTES ?=
SEEDS   ?=
CHOICE  ?=
VERIFY  ?= 1
BESIDE  ?=
# Exact versions to install; empty for the newest that setup.cfg allows.
CONSTRAINTS ?= constraints.txt

VENV      := .venv
INSTALLED := $(VENV)/installed
TESTING   := $(VENV)/installed-tests
CODES     := $(VENV)/installed-codes
# One rule for every environment: what to install comes after it.
INSTALL   = $(VENV)/bin/python -m pip install --quiet --quiet --disable-pip-version-check \
	$(if $(CONSTRAINTS),--constraint $(CONSTRAINTS)) --editable
# Two processes. Tests of one file stay in one process, so that their shared fixtures are made once. Not under PyTorch,
# whose threads slow each other down.
PARALLEL  := -n 2 --dist loadfile
COURSEWORK := $(VENV)/bin/python -m coursework
# An existing judge of the same images is used and not trained again.
JUDGE      = $(COURSEWORK) judge --dataset $(or $(1),$(DATASET))
WITNESSES  = $(JUDGE) --role witness && $(JUDGE) --role second
# The rows of the study of habits: each changes one habit.
HABITS     = --vary "no moving average: ema_decay=0" --vary "hinge loss: loss=hinge" \
	--vary "two critic steps: critic_steps=2" --vary "horizontal flips: horizontal_flips=true" \
	--vary "spectral norm: spectral=true discriminator_normalization=none" \
	--vary "DiffAugment: augmentations=translation,cutout" \
	--vary "soft and noisy labels: real_low=0.7 real_high=1.2 fake_high=0.2" \
	--vary "one-sided smoothing: real_low=0.9 real_high=0.9" --vary "5 % of labels flipped: flipped=0.05" \
	--vary "SGD for D: discriminator_optimizer.name=sgd discriminator_optimizer.rate=0.02" \
	--vary "head start for D: head_start=200"
NARROW     = --set generator_width=32 --set discriminator_width=32 --set batch_size=32 --set precision=mixed_bfloat16
WIDTHS     = $(foreach width,32 64 256,--vary "width $(width): generator_width=$(width) discriminator_width=$(width)")
# Settings for about a hundredth of the ACAI paper's images: small batches, large steps, larger initial weights.
SHORT      = --set batch_size=16 --set initial_scale=1.414 --set optimizer.rate=1e-3 --set critic_optimizer.rate=1e-3
# Presets of the demo and of the lines task use built-in data, unless DATASET is given.
DATA_OF    = $(if $(filter file,$(origin DATASET)),$(if $(filter %-demo,$(1)),sprites,$(if $(filter lines-%,$(1)),lines,$(DATASET))),$(DATASET))
# Where `coursework collages` writes by default.
COLLAGES   = data/$(notdir $(patsubst %/,%,$(DATASET)))-pegasus
NAME_OF    = $(if $(filter tfds:%,$(1)),$(subst :,-,$(subst /,-,$(1))),$(notdir $(patsubst %/,%,$(1))))
RUN_OF     = $(1)-$(call NAME_OF,$(call DATA_OF,$(1)))-s$(SEED)

.DEFAULT_GOAL := help
.PHONY: help begin install train-pegasus demo test test-slow test-torch lint judge witness collages pegasus panel pegasus-benchmark downstream aggregate-posterior codes habits widths lines rings lesson figures tables report submission benchmark constraints clean

##@ Start

help: ## list the targets
	@awk -F':.*## ' '/^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z%-]+:.*## / {printf "  make %-19s %s\n", $$1, $$2}' \
		$(MAKEFILE_LIST)
	@echo
	@echo "Variables"
	@echo "  DATASET=cifar10|mnist|sprites|lines|tfds:NAME|FOLDER  SEED=n  EPOCHS=n  RUNS=\"run run ...\"  COURSEWORK_DATA=folder with cifar10/"
	@echo "  evaluate-%: METRICS=fid,kid,is,fd,kd,prdc,memorisation  SAMPLES=n  INCEPTION=file"
	@echo "  report, submission: CHOICE=choice.json from the gallery  VERIFY=0 (do not run the zip)"
	@echo "  pegasus: BESIDE=folder with another batch to compare  panel: BESIDE=\"folder folder ...\""
	@echo "  install: CONSTRAINTS= (the newest versions in place of those in constraints.txt)"
	@echo "  studies: SEEDS=n  IMAGES=n  STEPS=n  MINUTES=n  SHORT= (the paper's own settings in lines and codes)"

demo: $(INSTALLED) ## train five models on built-in data, with scores, Pegasus and report
	$(COURSEWORK) demo

begin: ## move the results that came with the package into reports/earlier
	@test ! -e reports/earlier || { echo "reports/earlier exists already: the results here are yours"; exit 2; }
	@mkdir reports/earlier
	@cd reports && for each in *; do case $$each in judges|earlier) ;; *) mv "$$each" earlier/ ;; esac; done
	@test ! -f reports/earlier/report.toml || cp reports/earlier/report.toml reports/
	@echo "reports/ is yours now; the package's results are in reports/earlier, its judge stays"

##@ Coursework

train-%: $(INSTALLED) ## train a preset (gan, sngan, conditional-sngan, vae, acai ...), or resume it
	$(if $(filter lines,$(call DATA_OF,$*)),,$(call JUDGE,$(call DATA_OF,$*)))
	$(COURSEWORK) train $* --dataset $(call DATA_OF,$*) --seed $(SEED) $(if $(EPOCHS),--epochs $(EPOCHS))

train-pegasus: $(INSTALLED) ## train a class of winged horses on collages, or resume it
	test -f $(COLLAGES)/collages.json || { $(JUDGE) && $(COURSEWORK) collages --dataset $(DATASET) --seed $(SEED); }
	$(COURSEWORK) train pegasus-sngan$(if $(filter sprites,$(DATASET)),-demo) --dataset $(COLLAGES) --seed $(SEED) \
		$(if $(EPOCHS),--epochs $(EPOCHS))
	$(JUDGE) --role winged

evaluate-%: $(INSTALLED) ## score the run of a preset
	$(call JUDGE,$(call DATA_OF,$*))
	$(COURSEWORK) evaluate $(call RUN_OF,$*) $(if $(METRICS),--metrics $(METRICS)) $(if $(SAMPLES),--samples $(SAMPLES)) \
		$(if $(INCEPTION),--inception $(INCEPTION))

sample-%: $(INSTALLED) ## write 64 images from the run of a preset as PNG
	$(COURSEWORK) sample $(call RUN_OF,$*)

judge: $(INSTALLED) ## train the classifier behind FD-judge, if there is none
	$(JUDGE)

witness: $(INSTALLED) ## train both witnesses of winged horses, if there are none
	$(JUDGE)
	$(WITNESSES)

collages: $(INSTALLED) ## put training images of winged horses together, for the preset pegasus-sngan
	$(JUDGE)
	$(COURSEWORK) collages --dataset $(DATASET) --seed $(SEED)

pegasus: $(INSTALLED) ## generate and rank winged horses: the best, a batch of 64, the gallery
	$(JUDGE)
	$(WITNESSES)
	$(COURSEWORK) pegasus $(RUNS) --dataset $(DATASET) --seed $(SEED) $(if $(BESIDE),--beside $(BESIDE))

panel: $(INSTALLED) ## build a page on which people rate the winged horses blind, shuffled with BESIDE and real images
	$(COURSEWORK) panel --dataset $(DATASET) --seed $(SEED) $(foreach folder,$(BESIDE),--beside $(folder))

figures: $(INSTALLED) ## draw the figures of every run, also each alone in reports/figures (PNG, PDF)
	$(COURSEWORK) figures $(RUNS)

tables: $(INSTALLED) ## print all result tables again, and write reports/RESULTS.md
	$(COURSEWORK) tables

report: $(INSTALLED) ## build reports/report.pdf, report.html and the model card
	$(COURSEWORK) report $(RUNS) $(if $(CHOICE),--choice $(CHOICE))

submission: $(INSTALLED) ## check the rules and write the zip to hand in
	$(COURSEWORK) submission $(RUNS) $(if $(CHOICE),--choice $(CHOICE)) $(if $(filter 0,$(VERIFY)),--no-verify)

##@ Studies

habits: $(INSTALLED) ## habits of GAN practice, each alone, at an equal budget
	$(JUDGE)
	$(COURSEWORK) study habits gan --dataset $(DATASET) --epochs $(or $(EPOCHS),3) --seeds $(or $(SEEDS),2) $(NARROW) $(HABITS)

widths: $(INSTALLED) ## four widths of the SNGAN in equal time
	$(JUDGE)
	$(COURSEWORK) study widths sngan --dataset $(DATASET) --minutes $(or $(MINUTES),15) --seeds $(or $(SEEDS),1) \
		--set generator_width=128 --set discriminator_width=128 --set precision=mixed_bfloat16 --first "width 128" $(WIDTHS)

lines: $(INSTALLED) ## the ACAI paper's lines task: seven autoencoders
	$(COURSEWORK) lines $(if $(IMAGES),--images $(IMAGES)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SHORT),--precision mixed_bfloat16 $(SHORT))

codes: $(CODES) ## train the seven autoencoders on images and measure their codes
	$(COURSEWORK) downstream --train $(DATASET) --epochs $(or $(EPOCHS),2) --seed $(SEED) --set depth=16 --set score_every=0 \
		--set precision=mixed_bfloat16 $(SHORT)

downstream: $(CODES) ## measure the codes of trained autoencoders by classification and clustering
	$(COURSEWORK) downstream $(RUNS)

aggregate-posterior: $(CODES) ## compare the codes of trained autoencoders with N(0, I)
	$(COURSEWORK) aggregate-posterior $(RUNS) $(if $(SAMPLES),--samples $(SAMPLES))

rings: $(INSTALLED) ## which modes of a mixture GANs keep, against VEEGAN and PacGAN
	$(COURSEWORK) rings $(if $(STEPS),--steps $(STEPS)) $(if $(SEEDS),--seeds $(SEEDS))

lesson: $(INSTALLED) ## a GAN lesson's questions, answered on the ring
	$(COURSEWORK) lesson $(if $(STEPS),--steps $(STEPS)) $(if $(SEEDS),--seeds $(SEEDS))

pegasus-benchmark: $(INSTALLED) ## measure every Pegasus strategy on built-in data, where the truth is known
	$(COURSEWORK) pegasus-benchmark --seed $(SEED)

##@ Development

test: $(TESTING) ## run the tests without the slow ones
	$(VENV)/bin/python -m pytest $(PARALLEL) -m "not slow"

test-slow: $(TESTING) ## run the slow tests
	$(VENV)/bin/python -m pytest $(PARALLEL) -m slow --durations 25

test-torch: $(TESTING) ## run the tests that both backends must pass, under PyTorch (needs torch in .venv)
	KERAS_BACKEND=torch $(VENV)/bin/python -m pytest -m backend

lint: $(TESTING) ## check style and types (ruff, mypy)
	$(VENV)/bin/python -m ruff check coursework tests benchmarks
	$(VENV)/bin/python -m ruff format --check coursework tests benchmarks
	$(VENV)/bin/python -m mypy

benchmark: $(TESTING) ## time training steps against PyTorch (needs torch in .venv)
	$(VENV)/bin/python -m benchmarks.training_step

install: $(INSTALLED) ## only make the environment

constraints: ## pin the newest versions that setup.cfg allows, in constraints.txt
	rm -rf build/newest
	$(PYTHON) -m venv build/newest
	build/newest/bin/python -m pip install --quiet --disable-pip-version-check ".[data,test,codes]"
	{ head -n 1 constraints.txt; build/newest/bin/python -m pip freeze --exclude coursework; } > build/newest/constraints.txt
	mv build/newest/constraints.txt constraints.txt

clean: ## remove the environment and the demo's results; runs and reports stay
	rm -rf $(VENV) build *.egg-info reports/demo

$(INSTALLED): setup.cfg pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "coursework needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) ".[data]"
	touch $@

$(TESTING): $(INSTALLED)
	$(INSTALL) ".[data,test]"
	touch $@

$(CODES): $(INSTALLED)
	$(INSTALL) ".[data,codes]"
	touch $@
