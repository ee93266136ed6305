# What one does with Litehouse. Every recipe is a short name for `python -m app …` or for a tool, so that the same file
# works under `uv run`, in an activated environment and in the image.

set positional-arguments
set no-exit-message

# What Python compiled is kept, whatever the shell says: to compile it all at every start takes four seconds.
export PYTHONDONTWRITEBYTECODE := ""

[private]
default:
    @{{ just_executable() }} --list --unsorted

# start everything: database, migrations, demo content, server
[group('serve')]
up:
    @exec python -m app up

# the same, and anew whenever a file of the code changes
[group('serve')]
dev:
    @exec python -m app dev

# serve as in production
[group('serve')]
serve:
    @exec python -m app serve

# deliver events and do jobs; as many as one likes
[group('serve')]
worker *arguments:
    @exec python -m app worker "$@"

# every test, or those named: just test tests/kit -k slug
[group('develop')]
test *arguments:
    @exec python -m pytest -n auto --dist worksteal "$@"

# the tests that need no server of their own
[group('develop')]
test-fast *arguments:
    @exec python -m pytest -n auto --dist worksteal --ignore=tests/e2e --ignore=tests/domain/publishing/hardening --ignore=tests/contract "$@"

# CPU per request, beside the floor, Django and FastAPI: just bench --quick
[group('develop')]
bench *arguments:
    @exec uv run --quiet --group peers python -m tests.benchmarks "$@"

# kill servers, workers, connections and the database, and see that nothing is lost: just chaos --seconds 45 --seed 7
[group('develop')]
chaos *arguments:
    @exec python -m tests.chaos "$@"

# how many jobs a second one worker does, and how soon an idle one begins
[group('develop')]
bench-jobs:
    @exec python -m tests.benchmarks.jobs

# latency of each query as the tables grow: just bench-growth --full
[group('develop')]
bench-growth *arguments:
    @exec python -m tests.benchmarks.growth "$@"

# what the admin site's pages cost in a million articles, beside a thousand
[group('develop')]
bench-admin *arguments:
    @exec python -m tests.benchmarks.admin "$@"

# where the CPU of one workload's requests goes: just bench-profile article
[group('develop')]
bench-profile workload:
    @exec python -m tests.benchmarks.profile "$@"

# a worker's memory over 200,000 requests
[group('develop')]
bench-memory *arguments:
    @exec python -m tests.benchmarks.memory "$@"

# what it costs that every change is recorded: just bench-audit --rows 100000
[group('develop')]
bench-audit *arguments:
    @exec python -m tests.benchmarks.audit "$@"

# whether the time of an answer tells that an address has an account
[group('develop')]
bench-enumeration *arguments:
    @exec python -m tests.domain.accounts.enumeration "$@"

# style, types, import contracts, dependencies, migrations, Containerfile
[exit-message]
[group('develop')]
lint:
    ruff check
    ruff format --check
    ty check
    lint-imports
    deptry .
    hadolint Containerfile
    sql="$(python -m app sqlmigrate)" && printf '%s\n' "$sql" | squawk --pg-version 18.0 --stdin-filepath all.sql \
      --exclude prefer-bigint-over-int,prefer-bigint-over-smallint,require-statement-timeout

# put right what a tool can put right
[group('develop')]
fmt:
    ruff check --fix
    ruff format

# write the contract files anew: tests/contract
[group('develop')]
contracts:
    @exec python -m app contracts

# write the smallest module that is whole: just new-module polls
[group('develop')]
new-module name:
    @exec python -m app new-module "$@"

# print the lines that put a model on the admin site: just new-admin publishing Tagging
[group('develop')]
new-admin module model:
    @exec python -m app new-admin "$@"

# take a module out: its code, tests, migrations and tables
[group('develop')]
remove-module module:
    @exec python -m app remove-module "$@"

# apply the migrations that the database lacks
[group('database')]
migrate *target:
    @exec python -m app migrate "$@"

# write a module's next migration: just makemigrations publishing "subtitles"
[group('database')]
makemigrations module message *options:
    @exec python -m app makemigrations "$@"

# list the migrations; those applied are marked
[group('database')]
showmigrations:
    @exec python -m app showmigrations

# print the SQL of a revision, of a module or of all migrations
[group('database')]
sqlmigrate *target:
    @exec python -m app sqlmigrate "$@"

# undo migrations: just downgrade publishing@-1
[group('database')]
downgrade target:
    @exec python -m app downgrade "$@"

# fill the database for measurements: just seed --users 2000 --articles 20000
[group('database')]
seed *options:
    @exec python -m app seed "$@"

# delete every row; in production, the database's name has to be typed
[group('database')]
flush *name:
    @exec python -m app flush "$@"

# psql on the database
[group('database')]
dbshell *arguments:
    @exec python -m app dbshell "$@"

# how far each subscriber is, and what each failed at
[group('manage')]
events:
    @exec python -m app events

# try again what a subscriber failed at: the event at a position, or all
[group('manage')]
events-retry subscriber *position:
    @exec python -m app events-retry "$@"

# have a subscriber do without an event that it cannot handle
[group('manage')]
events-skip subscriber position:
    @exec python -m app events-skip "$@"

# forget a subscriber that no module offers any more: it keeps old events
[group('manage')]
events-unsubscribe subscriber:
    @exec python -m app events-unsubscribe "$@"

# how many jobs there are, by queue and state, and for how long the first waits
[group('manage')]
jobs:
    @exec python -m app jobs

# list the jobs that were given up, and why
[group('manage')]
jobs-dead:
    @exec python -m app jobs-dead

# have jobs that were given up tried anew: just jobs-retry ID, NAME or --all-dead
[group('manage')]
jobs-retry which:
    @exec python -m app jobs-retry "$@"

# have a job not done; one that runs is cut off
[group('manage')]
jobs-cancel job:
    @exec python -m app jobs-cancel "$@"

# list the webhooks' endpoints, and how many messages wait for each or were given up
[group('manage')]
webhooks:
    @exec python -m app webhooks

# send an endpoint what happened once more: just webhook-replay ID 2026-11-21T10:00:00 2026-11-21T12:00:00
[group('manage')]
webhook-replay endpoint since until:
    @exec python -m app webhook-replay "$@"

# print the trail of changes as NDJSON: just audit-export --since 2026-11-01 --table accounts_user
[group('manage')]
audit-export *options:
    @exec python -m app audit-export "$@"

# see whether the trail of changes is what was sealed
[group('manage')]
audit-verify *options:
    @exec python -m app audit-verify "$@"

# go on with a trail that was restored from another server's dump
[group('manage')]
audit-begin-anew:
    @exec python -m app audit-begin-anew

# Python with models, services and `await` at hand
[group('manage')]
shell *arguments:
    @exec python -m app shell "$@"

# look for what is wrong with this installation
[group('manage')]
check:
    @exec python -m app check

# remove a user's second factors, after you have made sure who it is that lost them
[group('manage')]
second-factors-remove username:
    @exec python -m app second-factors-remove "$@"

# list those by whom one can sign in
[group('manage')]
providers:
    @exec python -m app providers

# let people sign in by a provider: just provider-add example --issuer https://accounts.example.com --client-id me < secret
[group('manage')]
provider-add *arguments:
    @exec python -m app provider-add "$@"

# let nobody sign in by a provider any more
[group('manage')]
provider-remove name:
    @exec python -m app provider-remove "$@"

# remove a user's identities at providers, and sign them out everywhere
[group('manage')]
identities-remove username:
    @exec python -m app identities-remove "$@"

# send a mail now, past the queue, and tell what the server says: just mail-test me@example.com
[group('manage')]
mail-test to:
    @exec python -m app mail-test "$@"

# send nothing to an address any more: just mail-suppress ann@example.com "it bounced"
[group('manage')]
mail-suppress address *reason:
    @exec python -m app mail-suppress "$@"

# send to an address again
[group('manage')]
mail-unsuppress address:
    @exec python -m app mail-unsuppress "$@"

# list the addresses that get no mail, and why
[group('manage')]
mail-suppressed:
    @exec python -m app mail-suppressed

# encrypt the secrets anew by the first of LITEHOUSE_SECRET_KEYS
[group('manage')]
rotate-secrets:
    @exec python -m app rotate-secrets

# list every route and the permission that it asks for
[group('manage')]
routes:
    @exec python -m app routes

# list the installed modules
[group('manage')]
modules:
    @exec python -m app modules

# make a user who may do everything
[group('manage')]
createsuperuser *options:
    @exec python -m app createsuperuser "$@"

# give a user a new password
[group('manage')]
changepassword *arguments:
    @exec python -m app changepassword "$@"

# take the users of a Django project over: just import-django-users users.json --dry-run
[group('manage')]
import-django-users *arguments:
    @exec python -m app import-django-users "$@"

# make a token for a program: just token-create ann "nightly import" --days 30 --scope signed_in
[group('manage')]
token-create *arguments:
    @exec python -m app token-create "$@"

# end a token by its id, or those that a user made by name
[group('manage')]
token-revoke which:
    @exec python -m app token-revoke "$@"

# forget the failed sign-ins to a user's account
[group('manage')]
user-unlock username:
    @exec python -m app user-unlock "$@"

# mail somebody a link to make an account by: just invite ann@example.com --group Editors
[group('manage')]
invite *arguments:
    @exec python -m app invite "$@"

# let a user in again
[group('manage')]
user-activate username:
    @exec python -m app user-activate "$@"

# keep a user out, and sign them out everywhere
[group('manage')]
user-deactivate username:
    @exec python -m app user-deactivate "$@"

# list what can be granted, or what a user may and whence: just permissions --user ann
[group('manage')]
permissions *options:
    @exec python -m app permissions "$@"

# grant permissions to a user, or to a group: just permission-grant editors publishing.revise_any_article --group
[group('manage')]
permission-grant *arguments:
    @exec python -m app permission-grant "$@"

# take back what was granted to a user, or to a group
[group('manage')]
permission-revoke *arguments:
    @exec python -m app permission-revoke "$@"

# list the groups, and what their members may
[group('manage')]
groups:
    @exec python -m app groups

# make a group: just group-create editors publishing.revise_any_article
[group('manage')]
group-create *arguments:
    @exec python -m app group-create "$@"

# remove a group
[group('manage')]
group-delete name:
    @exec python -m app group-delete "$@"

# put a user into a group
[group('manage')]
group-add group username:
    @exec python -m app group-add "$@"

# take a user out of a group
[group('manage')]
group-remove group username:
    @exec python -m app group-remove "$@"

# end all tokens of a user, sign-ins too
[group('manage')]
sessions-revoke username:
    @exec python -m app sessions-revoke "$@"

# delete the tokens that are no good any more
[group('manage')]
clearsessions:
    @exec python -m app clearsessions
