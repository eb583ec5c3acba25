#!/bin/sh
# The tests compare with other people's DNS programs, make certificates with openssl, and fuzz with clang. Installs the missing ones where it may (Debian, root);
# elsewhere the tests that need them are skipped, with the reason.
set -eu
missing=""
for pair in openssl:openssl dig:bind9-dnsutils kdig:knot-dnsutils knotd:knot clang:clang; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "not installed:$missing; the tests that need them will be skipped" >&2
    exit 0
fi
# No service may start: the tests start their own, on loopback.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >&2
# The runtime of clang's sanitizers is a package of its own where its name has a version.
case $missing in *clang*)
    version=$(apt-cache depends clang | sed -n 's/^ *Depends: clang-\([0-9]*\)$/\1/p')
    if apt-cache show "libclang-rt-$version-dev" >/dev/null 2>&1; then
        missing="$missing libclang-rt-$version-dev"
    fi ;;
esac
# shellcheck disable=SC2086 # a list of package names
apt-get install -y -qq --no-install-recommends $missing >&2
