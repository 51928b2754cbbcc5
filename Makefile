# Everything a user does, by name. `make` or `make help` lists the targets.
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

VENV      := .venv
INSTALLED := $(VENV)/installed
TESTING   := $(VENV)/installed-tests
CODES     := $(VENV)/installed-codes
# Two processes; what the tests of a file share is made once. Not under PyTorch, whose threads would wait for each other.
PARALLEL  := -n 2 --dist loadfile
COURSEWORK := $(VENV)/bin/python -m coursework
# A judge that has seen these images already is found and not trained again.
JUDGE      = $(COURSEWORK) judge --dataset $(or $(1),$(DATASET))
WITNESSES  = $(JUDGE) --role witness && $(JUDGE) --role second
# Rows of the study of habits: one each, by itself.
HABITS     = --vary "no moving average: ema_decay=0" --vary "hinge loss: loss=hinge" \
	--vary "two critic steps: critic_steps=2" --vary "horizontal flips: horizontal_flips=true" \
	--vary "spectral norm: spectral=true discriminator_normalization=none" \
	--vary "DiffAugment: augmentations=translation,cutout" \
	--vary "soft and noisy labels: real_low=.7 real_high=1.2 fake_high=.2" \
	--vary "one-sided smoothing: real_low=.9 real_high=.9" --vary "5 % of labels flipped: flipped=.05" \
	--vary "SGD for D: discriminator_optimizer.name=sgd discriminator_optimizer.rate=.02" \
	--vary "head start for D: head_start=200"
NARROW     = --set generator_width=32 --set discriminator_width=32 --set batch_size=32 --set precision=mixed_bfloat16
WIDTHS     = $(foreach width,32 64 256,--vary "width $(width): generator_width=$(width) discriminator_width=$(width)")
# What a hundredth of the ACAI paper's images wants: weights that signals pass from the start, larger steps and more of them.
SHORT      = --set batch_size=16 --set initial_scale=1.414 --set optimizer.rate=1e-3 --set critic_optimizer.rate=1e-3
# The demo's presets and those of the lines task are of built-in data, unless a data set is named.
DATA_OF    = $(if $(filter file,$(origin DATASET)),$(if $(filter %-demo,$(1)),sprites,$(if $(filter lines-%,$(1)),lines,$(DATASET))),$(DATASET))
RUN_OF     = $(1)-$(notdir $(patsubst %/,%,$(call DATA_OF,$(1))))-s$(SEED)

.DEFAULT_GOAL := help
.PHONY: help begin install demo test test-slow test-torch lint judge witness collages pegasus pegasus-benchmark downstream aggregate-posterior codes habits widths lines rings lesson figures tables report submission benchmark clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z%-]+:.*## / {printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Variables: DATASET=cifar10|sprites|lines|FOLDER  EPOCHS=n  SEED=n  COURSEWORK_DATA=folder with cifar10/"
	@echo "             METRICS=fid,kid,is,fd,kd,prdc,memorisation  SAMPLES=n  INCEPTION=file  IMAGES=n  STEPS=n  SEEDS=n  MINUTES=n"
	@echo "             RUNS=\"run run ...\"  CHOICE=choice.json saved by the gallery  VERIFY=0"
	@echo "             BESIDE=folder with a batch of Pegasi from elsewhere, to be compared"
	@echo "             SHORT= for the paper's own settings in lines and codes, which want hundreds of times the images"

demo: $(INSTALLED) ## all four models on built-in data, with scores, Pegasus and report (8 minutes)
	$(COURSEWORK) demo

test: $(TESTING) ## the tests, without the slow ones (under 10 minutes)
	$(VENV)/bin/python -m pytest $(PARALLEL) -m "not slow"

test-slow: $(TESTING) ## the slow tests
	$(VENV)/bin/python -m pytest $(PARALLEL) -m slow --durations 25

test-torch: $(TESTING) ## the tests that both backends must pass, under PyTorch (needs torch in .venv)
	KERAS_BACKEND=torch $(VENV)/bin/python -m pytest -m backend

lint: $(TESTING) ## check style
	$(VENV)/bin/ruff check --select E,F,I,B,UP,SIM --line-length 120 coursework tests benchmarks
	$(VENV)/bin/ruff format --check --line-length 120 coursework tests benchmarks

train-%: $(INSTALLED) ## train a preset: gan, sngan, conditional-sngan, vae, acai ...; goes on where it stopped
	$(if $(filter lines,$(call DATA_OF,$*)),,$(call JUDGE,$(call DATA_OF,$*)))
	$(COURSEWORK) train $* --dataset $(call DATA_OF,$*) --seed $(SEED) $(if $(EPOCHS),--epochs $(EPOCHS))

evaluate-%: $(INSTALLED) ## score the run of a preset
	$(call JUDGE,$(call DATA_OF,$*))
	$(COURSEWORK) evaluate $(call RUN_OF,$*) $(if $(METRICS),--metrics $(METRICS)) $(if $(SAMPLES),--samples $(SAMPLES)) \
		$(if $(INCEPTION),--inception $(INCEPTION))

sample-%: $(INSTALLED) ## 64 images of the run of a preset, as a PNG
	$(COURSEWORK) sample $(call RUN_OF,$*)

begin: ## set all results that came with the package aside, in reports/earlier: yours take their place
	@test ! -e reports/earlier || { echo "reports/earlier is there already: results are yours"; exit 2; }
	@mkdir reports/earlier
	@cd reports && for each in *; do case $$each in judges|earlier) ;; *) mv "$$each" earlier/ ;; esac; done
	@test ! -f reports/earlier/report.toml || cp reports/earlier/report.toml reports/
	@echo "reports/ is yours now: what came with the package is in reports/earlier, its judge is kept"

judge: $(INSTALLED) ## train the classifier behind FD-judge, where there is none
	$(JUDGE)

witness: $(INSTALLED) ## train both witnesses of winged horses, where there are none
	$(JUDGE)
	$(WITNESSES)

collages: $(INSTALLED) ## a data set folder with winged horses put together by a program, for the preset pegasus-sngan
	$(COURSEWORK) collages --dataset $(DATASET) --seed $(SEED)

pegasus: $(INSTALLED) ## winged horses from the trained runs: the best, 64, and a page with all candidates
	$(JUDGE)
	$(WITNESSES)
	$(COURSEWORK) pegasus $(RUNS) --dataset $(DATASET) --seed $(SEED) $(if $(BESIDE),--beside $(BESIDE))

pegasus-benchmark: $(INSTALLED) ## every Pegasus strategy on built-in data, where the truth is known
	$(COURSEWORK) pegasus-benchmark --seed $(SEED)

downstream: $(CODES) ## what the codes of trained autoencoders are worth to a classifier and to clustering
	$(COURSEWORK) downstream $(RUNS)

aggregate-posterior: $(CODES) ## how near the codes of trained autoencoders are to N(0, I), and what either decodes to
	$(COURSEWORK) aggregate-posterior $(RUNS) $(if $(SAMPLES),--samples $(SAMPLES))

codes: $(CODES) ## the ACAI paper's seven autoencoders trained alike on images, and what their codes are worth
	$(COURSEWORK) downstream --train $(DATASET) --epochs $(or $(EPOCHS),2) --seed $(SEED) --set depth=16 --set score_every=0 \
		--set precision=mixed_bfloat16 $(SHORT)

habits: $(INSTALLED) ## which habits of GAN practice earn their keep: a GAN with each of them, at an equal budget
	$(JUDGE)
	$(COURSEWORK) study habits gan --dataset $(DATASET) --epochs $(or $(EPOCHS),3) --seeds $(or $(SEEDS),2) $(NARROW) $(HABITS)

widths: $(INSTALLED) ## which width earns the best score in equal time: the SNGAN in four, MINUTES of one core each
	$(JUDGE)
	$(COURSEWORK) study widths sngan --dataset $(DATASET) --minutes $(or $(MINUTES),15) --seeds $(or $(SEEDS),1) \
		--set generator_width=128 --set discriminator_width=128 --set precision=mixed_bfloat16 --first "width 128" $(WIDTHS)

lines: $(INSTALLED) ## the ACAI paper's table: seven autoencoders on lines; goes on where it stopped
	$(COURSEWORK) lines $(if $(IMAGES),--images $(IMAGES)) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SHORT),--precision mixed_bfloat16 $(SHORT))

rings: $(INSTALLED) ## which modes of a mixture GANs keep, beside the tables of VEEGAN and PacGAN; goes on where it stopped
	$(COURSEWORK) rings $(if $(STEPS),--steps $(STEPS)) $(if $(SEEDS),--seeds $(SEEDS))

lesson: $(INSTALLED) ## questions of a lesson on GANs, answered with the ring: latents, networks, a solution by hand
	$(COURSEWORK) lesson $(if $(STEPS),--steps $(STEPS)) $(if $(SEEDS),--seeds $(SEEDS))

figures: $(INSTALLED) ## the figures of every run, each also alone in reports/figures (PNG, PDF)
	$(COURSEWORK) figures $(RUNS)

tables: $(INSTALLED) ## every table of results again, as text, from what was kept
	$(COURSEWORK) tables

report: $(INSTALLED) ## reports/report.pdf, report.html and the model card from the runs there are
	$(COURSEWORK) report $(RUNS) $(if $(CHOICE),--choice $(CHOICE))

submission: $(INSTALLED) ## the zip that is handed in, checked against the rules; VERIFY=0 does not run it first
	$(COURSEWORK) submission $(RUNS) $(if $(CHOICE),--choice $(CHOICE)) $(if $(filter 0,$(VERIFY)),--no-verify)

benchmark: $(TESTING) ## time training steps beside the same work in PyTorch (needs torch in .venv)
	$(VENV)/bin/python -m benchmarks.training_step

clean: ## remove the environment and the demo's results; runs and reports stay
	rm -rf $(VENV) build *.egg-info reports/demo

install: $(INSTALLED) ## only make the environment

$(INSTALLED): setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "coursework needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 2; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --editable ".[data]"
	touch $@

$(TESTING): $(INSTALLED)
	$(VENV)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --editable ".[data,test]"
	touch $@

$(CODES): $(INSTALLED)
	$(VENV)/bin/python -m pip install --quiet --quiet --disable-pip-version-check --editable ".[data,codes]"
	touch $@
