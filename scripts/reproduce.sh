#!/usr/bin/env bash
# The WMH comparison from nothing: environment, data (or the phantom), training, table, report.
# Arguments go to `medabl reproduce`.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source "$here/env.sh"
exec medabl reproduce "$@"
