#!/usr/bin/env bash
# Install what building, demo and tests need on Debian 12. Does nothing when all is there.
set -euo pipefail

packages=(
	build-essential pkg-config clang-14 clang llvm clang-19 libclang-rt-14-dev bpftool git
	libbpf-dev libelf-dev zlib1g-dev libcyaml-dev libyaml-dev libjansson-dev libmicrohttpd-dev
	libcap-ng-dev libsystemd-dev libcmocka-dev libpcap-dev libssl-dev
	clang-format clang-tidy cppcheck shellcheck man-db
	iproute2 iputils-ping ethtool nftables tcpdump python3 procps util-linux curl openssl
	scep strongswan-pki libstrongswan-standard-plugins libstrongswan-extra-plugins prometheus
	# Readers and clients that the classifier is tried against.
	nginx haproxy lighttpd apache2-bin nodejs php-cli libcgi-pm-perl certmonger wget busybox
)

missing=()
for package in "${packages[@]}"; do
	dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^ii' || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
	exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
	echo "missing packages: ${missing[*]}" >&2
	echo "run as root: apt-get install --no-install-recommends ${missing[*]}" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing ${#missing[@]} packages: ${missing[*]}"
# The package must bring tools, not services: nothing is started on this host by the install.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	printf '#!/bin/sh\nexit 101\n' > "$policy"
	chmod 0755 "$policy"
	trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null
# Nor at the next boot.
for package in "${missing[@]}"; do
	case $package in
	nginx | haproxy | lighttpd | certmonger | prometheus) systemctl --quiet disable "$package" 2> /dev/null || true ;;
	esac
done
