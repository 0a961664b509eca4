# All commands of this repository. The first `make test` installs the pinned tools into .tools/,
# which takes some minutes. After that nothing is installed until a pin changes.

PYTHON ?= python3
# The processor that `make build` builds for: arm64 or x86_64.
ARCH ?= arm64

TOOLS := .tools
VENV := $(TOOLS)/venv
SCHEMATHESIS := $(TOOLS)/schemathesis
E2E := infra/e2e
TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
# The folder for the functions of this machine. The template deploys another folder, which may be
# for the other processor.
ARTEFACTS := $(TARGET)/artefacts
HERE := $(if $(filter arm64 aarch64,$(shell uname -m)),arm64,x86_64)
E2E_ENVIRONMENT = CHROMIUM="$(CHROMIUM)" LATCHKEY_BIN="$(TARGET)/debug/latchkey" LATCHKEY_TOOLS="$(CURDIR)/$(VENV)" \
	LATCHKEY_SCHEMATHESIS="$(CURDIR)/$(SCHEMATHESIS)"
# The program stands beside `latchkey` and above the artefacts, and looks for both there.
WALKS = $(TARGET)/debug/walks
# The Python of the pinned tools, which have boto3. It finds the modules of infra/tools.
TOOL = PYTHONPATH=infra/tools $(VENV)/bin/python

# A deployment's settings. ENV is dev or prod. PARAMETERS overrides the template's parameters, as
# words of the form Name=value. CONFIRM is the stack's name, for a run in which nobody can be asked.
ENV ?= dev
PARAMETERS ?=
CONFIRM ?=

# The version is a part of the folder's name, so that another version is another target.
CARGO_DENY_VERSION := 0.20.2
CARGO_DENY := $(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION)/bin/cargo-deny

CARGO_CYCLONEDX_VERSION := 0.5.9
CARGO_CYCLONEDX := $(TOOLS)/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION)/bin

LAMBDA_arm64 := --arm64
LAMBDA_x86_64 := --x86-64

NEED_RUST = @cargo --version >/dev/null 2>&1 || { echo "Rust is missing: install it with rustup (https://rustup.rs)." >&2; exit 1; }
NEED_PYTHON = @$(PYTHON) -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo "Python 3.11 or later with its venv module is missing: install it, on Debian as python3-venv, or name it with PYTHON=." >&2; exit 1; }
NEED_NODE = @node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null && npm --version >/dev/null 2>&1 || \
	{ echo "Node.js 20 or later with npm is missing: install it (https://nodejs.org)." >&2; exit 1; }

# The browser that opens the hosted pages.
CHROMIUM ?= /usr/bin/chromium
NEED_CHROMIUM = @test -x '$(CHROMIUM)' || { \
	test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "Installing Chromium by apt, once." && \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null && \
	test -x '$(CHROMIUM)'; } || \
	{ echo "Chromium is missing: install it, on Debian with apt-get install chromium as root, or name it with CHROMIUM=." >&2; exit 1; }

# Builds all functions at once: $(1) is the processor, $(2) is the folder.
define BUILD
$(NEED_RUST)
@test -n "$(LAMBDA_$(1))" || { echo "ARCH is arm64 or x86_64, not $(1)." >&2; exit 2; }
PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cargo lambda build --release $(LAMBDA_$(1)) --lambda-dir $(2)
endef

.DEFAULT_GOAL := help
# cargo locks the target folder. In parallel the recipes would wait for each other and mix their
# output.
.NOTPARALLEL:
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## start everything on this machine; PORT=8080 and DATA_DIR=.latchkey unless given
	$(NEED_RUST)
	@exec cargo run --package latchkey -- serve

.PHONY: test
test: check unit e2e container tools walk ## prove everything: check, unit, e2e, container, tools, walk

.PHONY: check
check: format template workflow server release-test deny clippy doc ## check formatting, template.yaml, CI, systemd's units, the release's scripts, dependencies, lints, documentation

.PHONY: unit
unit: ## run the Rust tests, against the embedded DynamoDB
	$(NEED_RUST)
	cargo test --workspace

# `unit` fails while a document differs from the operations.
.PHONY: openapi
openapi: ## write the documents of functions/console/documents anew, from the operations of the functions
	$(NEED_RUST)
	UPDATE_DOCS=1 cargo test --workspace --quiet --test openapi the_documents_are

# Uses the program that `unit` built, so that nothing is compiled again.
.PHONY: e2e
e2e: $(VENV)/.installed $(SCHEMATHESIS)/.installed $(E2E)/node_modules/.package-lock.json ## run the Firebase SDKs, a browser and the Lambda runtime against the real program
	$(NEED_RUST)
	$(NEED_NODE)
	$(NEED_CHROMIUM)
	cargo test --workspace --no-run --quiet
	cd $(E2E) && export $(E2E_ENVIRONMENT) && npm run test:firebase && npm run test:tokens && npm run test:exchange && npm run test:sharedsecret && npm run test:clients && npm run test:api && npm run test:mail && npm run test:pages
	$(WALKS) lambda
	$(WALKS) mails
	$(WALKS) rotation

# Uses the program that `unit` built, which is linked to the same libraries. RELEASE=1 builds it by
# the Dockerfile's own command.
.PHONY: container
container: $(VENV)/.installed ## lint, build and run Cloud Run's image without Docker; RELEASE=1 optimises it, which takes many minutes
	$(NEED_RUST)
	cargo test --workspace --no-run --quiet
	$(VENV)/bin/hadolint infra/cloud-run/Dockerfile
	AWS_DEFAULT_REGION=us-east-1 $(VENV)/bin/cfn-lint infra/cloud-run/role.yaml
	$(TOOL) infra/cloud-run/test/container.py "$(TARGET)/debug/latchkey" $(VENV)/bin/moto_server $(if $(RELEASE),--release)

# Each system makes the accounts and writes its own file. better-sqlite3 is compiled where no build
# of it can be fetched.
PEERS := $(TOOLS)/peers
.PHONY: peers
peers: $(VENV)/.installed $(E2E)/node_modules/.package-lock.json $(E2E)/peers/node_modules/.package-lock.json $(PEERS)/.installed ## move people here from better-auth, PocketBase, Firebase and Cognito, with files that these write
	$(NEED_RUST)
	cargo test --workspace --no-run --quiet
	cd $(E2E) && export $(E2E_ENVIRONMENT) POCKETBASE="$(abspath $(PEERS))/bin/pocketbase" && node --test --test-reporter=spec peers/peers.test.mjs

.PHONY: import
import: ## import 100,000 accounts, killed twice on the way, and log in 1,000 of them, for some minutes
	$(NEED_RUST)
	cargo test --workspace --test users a_hundred_thousand -- --ignored

.PHONY: administration
administration: ## page through 10,000 accounts that come and go, and race 1,000 disablings with every way in, for some minutes
	$(NEED_RUST)
	cargo test --workspace --test admin -- --ignored --nocapture ten_thousand thousand_races

# The long form of a test of `e2e`, with twenty times the tokens and with times nearer to the
# defaults.
.PHONY: rotation
rotation: $(VENV)/.installed ## rotate and revoke keys under 10,000 live tokens, for nine minutes
	$(NEED_RUST)
	cargo test --workspace --no-run --quiet
	$(WALKS) rotation --long

# The states of a rotation beside other work, with a part of the key set. It needs some gigabytes.
.PHONY: rotation-search
rotation-search: ## search every interleaving of a rotation, a part and other changes, for two minutes
	$(NEED_RUST)
	cargo test --workspace --lib interleavings -- --ignored

# The dev profile is fast enough: it optimises the hashes and the signatures, and nothing else of a
# login is slow.
.PHONY: campaign
campaign: ## run attacks, races, faults and crashes in their long form, with one table of results; CASES= names some
	$(NEED_RUST)
	cargo test --workspace --no-run --quiet
	cargo test --package campaign -- --long $(CASES)

# After `unit`, with the program that it built. moto needs a minute for six hundred logins, which
# `make dynamodb` has.
.PHONY: tools
tools: $(VENV)/.zig ## the deployment's tools against imitations of AWS, and the store over moto's DynamoDB
	$(NEED_RUST)
	cargo test --workspace --no-run --quiet
	LATCHKEY_BIN="$(TARGET)/debug/latchkey" $(TOOL) -m unittest discover --start-directory infra/tools/tests --top-level-directory infra/tools
	$(TOOL) infra/tools/moto_dynamodb.py cargo test --workspace --quiet --lib --test journey -- store:: from_the_first_account round_trips \
		--skip six_hundred_times

# Every test of the functions that calls the table.
STORE_TESTS := $(addprefix --test ,account admission audit create_account journey limits login logout metadata migration \
	profile profiles refresh sessions upgrade verify)

.PHONY: dynamodb
dynamodb: $(VENV)/.installed ## run the tests of the store and of the functions over moto's DynamoDB, for some minutes
	$(NEED_RUST)
	$(TOOL) infra/tools/moto_dynamodb.py cargo test --workspace --lib $(STORE_TESTS)

.PHONY: build
build: $(VENV)/.zig ## build the functions for Lambda into target/lambda; ARCH=arm64 or x86_64
	$(call BUILD,$(ARCH),target/lambda)

# PARTS names some of tool-x86_64, tool-arm64, functions-x86_64, functions-arm64 and sbom.
.PHONY: release
release: $(VENV)/.zig $(CARGO_CYCLONEDX)/cargo-cyclonedx ## build the files of a release into dist, for an hour; VERSION=0.2.0, PARTS=tool-x86_64 for a part
	$(NEED_RUST)
	PATH="$(CURDIR)/$(CARGO_CYCLONEDX):$(CURDIR)/$(VENV)/bin:$$PATH" infra/release/release.sh '$(VERSION)' $(PARTS)

.PHONY: release-test
release-test: ## test the scripts of a release in a small form, in seconds
	$(NEED_RUST)
	$(NEED_PYTHON)
	PYTHON='$(PYTHON)' infra/release/test.sh

# ROOT is a folder that debootstrap made, or another root of a system. It needs root.
.PHONY: bare
bare: ## prove the tool's archive ARCHIVE=dist/… on a bare system in the folder ROOT=…
	infra/release/bare.sh '$(ARCHIVE)' '$(ROOT)'

# The stacks are made in the region of the bucket. PUBLIC=yes lets everybody read the release there.
.PHONY: publish
publish: $(VENV)/.installed ## upload a release of dist to BUCKET=, and print the link that makes a stack in a browser; VERSION=, PUBLIC=yes
	@$(TOOL) -m deployment.publish --bucket '$(BUCKET)' --version '$(VERSION)' --architecture '$(ARCH)' $(if $(filter yes,$(PUBLIC)),--public)

# The short form of `artefacts`, with the functions that `unit` built. Optimising all of them would
# make `make test` a fifth longer.
.PHONY: walk
walk: ## run each function on AWS's runtime emulator, as the tests built it
	$(NEED_RUST)
	cargo test --workspace --no-run --quiet
	@for function in $(notdir $(wildcard functions/*)); do \
		mkdir -p $(ARTEFACTS)/$$function && ln -f $(TARGET)/debug/$$function $(ARTEFACTS)/$$function/bootstrap; \
	done
	$(WALKS) artefacts
	$(WALKS) log

# The same build as a deployment, but for this machine's processor.
.PHONY: artefacts
artefacts: sizes ## build the functions optimised, package them, and run each on AWS's runtime emulator, for many minutes
	cargo test --workspace --no-run --quiet
	$(WALKS) artefacts
	$(WALKS) log

.PHONY: sizes
sizes: $(VENV)/.zig ## build the functions for this machine, and print the size of each and of its package
	$(call BUILD,$(HERE),$(ARTEFACTS))
	$(TOOL) infra/tools/packages.py . $(ARTEFACTS) $(HERE)

.PHONY: memory
memory: $(VENV)/.zig ## measure time and cost of a login, a refresh and a verification for each memory size; needs root and minutes
	$(call BUILD,$(HERE),$(ARTEFACTS))
	cargo build --package latchkey
	$(TOOL) infra/tools/memory.py $(TARGET)/debug/latchkey $(VENV)/bin/moto_server $(ARTEFACTS)

# ARCH counts only if it is given. Otherwise the stack's parameter Architecture names the processor.
.PHONY: deploy
deploy: $(VENV)/.installed ## build and deploy, after a check for what is missing; ENV=dev or prod, PARAMETERS="Name=value …"
	@$(TOOL) -m deployment.deploy --env '$(ENV)' --confirm '$(CONFIRM)' \
		--parameters "$(PARAMETERS)$(if $(filter file default,$(origin ARCH)),, Architecture=$(ARCH))"

.PHONY: destroy-dev
destroy-dev: $(VENV)/.installed ## delete the stack latchkey-dev, and say what stays and how to remove it
	@$(TOOL) -m deployment.destroy --confirm '$(CONFIRM)'

.PHONY: logs
logs: $(VENV)/.installed ## follow the logs of a deployment; ENV=, FUNCTION=login or another folder of functions/
	@$(TOOL) -m deployment.logs --env '$(ENV)' --function '$(FUNCTION)'

.PHONY: smoke
smoke: ## walk one account through a deployed API and delete it again; URL=https://…, ORIGIN= if CORS_ALLOWED_ORIGINS is a list
	$(NEED_RUST)
	@test -n "$(URL)" || { echo "URL is missing: the ApiUrl that make deploy prints, as in make smoke URL=https://…" >&2; exit 2; }
	@exec cargo run --quiet --package latchkey -- smoke '$(URL)' $(if $(ORIGIN),--origin '$(ORIGIN)')

.PHONY: service-account
service-account: $(VENV)/.installed ## put a Firebase service account into its secret; FILE=, ENV=, OTHER_PROJECT=yes for another project
	$(NEED_RUST)
	@test -n "$(FILE)" || { echo "FILE is missing: the service account that Firebase's console gave you, as in make service-account FILE=…" >&2; exit 2; }
	@cargo build --quiet --package latchkey
	@$(TOOL) -m deployment.service_account --env '$(ENV)' "$(TARGET)/debug/latchkey" '$(FILE)' \
		$(if $(filter yes,$(OTHER_PROJECT)),--other-project)

.PHONY: bench
bench: ## time a login, a refresh and a verification beside their bare hash and signatures
	$(NEED_RUST)
	cargo bench --package latchkey --bench requests --bench verification

# The dev profile is shared with the tests. The figures to read are ratios of one run.
ACCOUNTS ?= 1000000
.PHONY: million
million: ## make a table of a million accounts, and time lists, searches and logins beside one of a thousand; ACCOUNTS=
	$(NEED_RUST)
	ACCOUNTS=$(ACCOUNTS) cargo bench --profile dev --workspace --bench million

# The targets run at the same time, one thread each, for FUZZ_SECONDS.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: ## read tokens, certificate documents and Cache-Control with random changes, for a minute; FUZZ_SECONDS=60
	$(NEED_RUST)
	BOLERO_RANDOM_ITERATIONS=1000000000 BOLERO_RANDOM_TEST_TIME_MS=$(FUZZ_SECONDS)000 \
		cargo test --package shared --test fuzz -- --nocapture

.PHONY: start
start: $(VENV)/.installed ## measure size, start and memory of login, well-known and console beside a hello-world; builds for minutes
	$(NEED_RUST)
	cargo build --package latchkey
	cargo build --release --bin login --bin well-known --bin console
	cargo build --release --package shared --example hello_world
	$(TOOL) infra/tools/start.py $(TARGET)/debug/latchkey $(VENV)/bin/moto_server \
		$(TARGET)/release/examples/hello_world $(TARGET)/release/login $(TARGET)/release/well-known $(TARGET)/release/console

.PHONY: fmt
fmt: ## format the source
	$(NEED_RUST)
	cargo fmt --all

.PHONY: clean
clean: ## remove everything that was built and installed here; the accounts in .latchkey stay
	rm -rf target .tools .aws-sam $(E2E)/node_modules

# The parts of `check`, cheapest first.

.PHONY: format
format:
	$(NEED_RUST)
	cargo fmt --all --check

# Neither tool reads an account, but both need a region. Any region will do.
.PHONY: template
template: $(VENV)/.installed
	AWS_DEFAULT_REGION=us-east-1 SAM_CLI_TELEMETRY=0 $(VENV)/bin/sam validate --lint --template template.yaml
	AWS_DEFAULT_REGION=us-east-1 $(VENV)/bin/cfn-lint template.yaml infra/stack/firewall.yaml

.PHONY: workflow
workflow: $(VENV)/.installed
	$(VENV)/bin/zizmor --offline --no-progress --quiet .github/workflows

# With the programs that read these files, as far as they are on this machine.
.PHONY: server
server:
	infra/server/verify.sh

# The advisory database is a repository of its own, which a build without the open internet cannot
# fetch. An earlier copy is then used, and fails if it is older than seven days (deny.toml). Without
# a copy the other checks run alone, and a line says so; ADVISORIES=required makes that a failure.
# A fetch may take 90 seconds. macOS has no `timeout` of its own; there git gives up by itself.
ADVISORY_DATABASES = $(or $(CARGO_HOME),$(HOME)/.cargo)/advisory-dbs

.PHONY: deny
deny: $(CARGO_DENY)
	$(CARGO_DENY) --locked check bans licenses sources
	@limit=$$(command -v timeout || command -v gtimeout); \
	if GIT_TERMINAL_PROMPT=0 $${limit:+$$limit 90} $(CARGO_DENY) --locked fetch db </dev/null; then \
		$(CARGO_DENY) --locked check advisories; \
	elif ls -d "$(ADVISORY_DATABASES)"/advisory-db-* >/dev/null 2>&1; then \
		echo "deny: the advisory database could not be fetched, see above; its last copy is used."; \
		$(CARGO_DENY) --locked --offline check advisories; \
	else \
		echo "deny: ADVISORIES NOT CHECKED, their database could not be fetched, see above."; \
		test "$(ADVISORIES)" != required; \
	fi

.PHONY: clippy
clippy:
	$(NEED_RUST)
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: doc
doc:
	$(NEED_RUST)
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# The tools. A tool is installed again only if its pin changes.

$(VENV)/.installed: infra/tools/requirements.txt
	$(NEED_PYTHON)
	@echo "Installing the tools of infra/tools/requirements.txt into .tools/venv, once, in about a minute."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement infra/tools/requirements.txt
	@touch $@

$(SCHEMATHESIS)/.installed: infra/tools/requirements-schemathesis.txt
	$(NEED_PYTHON)
	@echo "Installing Schemathesis into .tools/schemathesis, once."
	@$(PYTHON) -m venv --clear $(SCHEMATHESIS)
	@$(SCHEMATHESIS)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	@touch $@

$(VENV)/.zig: infra/tools/requirements-build.txt $(VENV)/.installed
	@echo "Installing Zig, with which cargo-lambda builds for Lambda's own system, once."
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement infra/tools/requirements-build.txt
	@touch $@

# Built from source, because PyPI's build is too old to read today's licences. Built without
# optimisation, which takes a third of the time and still checks the tree in seconds.
$(CARGO_DENY):
	$(NEED_RUST)
	@echo "Building cargo-deny $(CARGO_DENY_VERSION) into .tools, once, in one to three minutes."
	@CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		cargo install --quiet --locked --no-track --root $(TOOLS)/cargo-deny-$(CARGO_DENY_VERSION) cargo-deny@$(CARGO_DENY_VERSION)

$(CARGO_CYCLONEDX)/cargo-cyclonedx:
	$(NEED_RUST)
	@echo "Building cargo-cyclonedx $(CARGO_CYCLONEDX_VERSION) into .tools, once, in a minute or two."
	@CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 cargo install --quiet --locked \
		--no-track --root $(TOOLS)/cargo-cyclonedx-$(CARGO_CYCLONEDX_VERSION) cargo-cyclonedx@$(CARGO_CYCLONEDX_VERSION)

$(PEERS)/.installed: $(E2E)/peers/requirements.txt
	$(NEED_PYTHON)
	@$(PYTHON) -m venv --clear $(PEERS)
	@$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement $<
	@touch $@

$(E2E)/peers/node_modules/.package-lock.json: $(E2E)/peers/package-lock.json
	$(NEED_NODE)
	cd $(E2E)/peers && npm ci --no-audit --no-fund
	@touch $@

$(E2E)/node_modules/.package-lock.json: $(E2E)/package-lock.json
	$(NEED_NODE)
	cd $(E2E) && npm ci --no-audit --no-fund
	@touch $@
