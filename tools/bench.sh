#!/usr/bin/env bash
# tools/bench.sh [RUNS]   runs all benches RUNS times (3) and prints, in Markdown, the machine and a table of medians
#                         with ratios. Figures of one ratio come from one and the same run.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/lib.sh

runs=${1:-3}
[[ $runs =~ ^[1-9][0-9]*$ ]] || die "usage: tools/bench.sh [RUNS]"
need_packages g++ python3
need_cargo

# The library as it is shipped: by the compiler, the flags and the linker of a release.
library=$(tools/release.sh "$(uname -m)-unknown-linux-gnu" licenceaddin)
results=$(mktemp -d -t licence-bench.XXXXXX)
trap 'rm -rf "$results"' EXIT
for ((run = 1; run <= runs; run++)); do
    say "run $run of $runs" >&2
    CRITERION_HOME=$results/$run LICENCE_TEST_LIBRARY=$library cargo bench --locked --bench component --bench server -- --noplot >&2
done
python3 tools/bench_table.py "$results" "$library"
