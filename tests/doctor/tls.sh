# Fronts with certificates of an authority of our own; sourced by the faults 523 and 524.
# ca: an authority
ca() {
	openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=doctor test CA" -keyout "$V/ca.key" -out "$V/ca.pem" 2>/dev/null
}
# between: from now on an authority between that one (ca.pem) and the leaf signs
between() {
	openssl req -newkey rsa:2048 -nodes -subj "/CN=doctor test intermediate" -keyout "$V/mid.key" -out "$V/mid.csr" 2>/dev/null &&
	printf 'basicConstraints=critical,CA:TRUE\n' >"$V/mid.ext" &&
	openssl x509 -req -in "$V/mid.csr" -CA "$V/ca.pem" -CAkey "$V/ca.key" -CAcreateserial -days 20 -extfile "$V/mid.ext" -out "$V/mid.pem" 2>/dev/null &&
	cp "$V/mid.pem" "$V/ca.pem" && cp "$V/mid.key" "$V/ca.key"
}
# leaf NOT-BEFORE NOT-AFTER [NAME] (YYYYMMDDHHMMSSZ): a certificate for NAME (localhost), signed by it
leaf() {
	openssl req -newkey rsa:2048 -nodes -subj "/CN=${3:-localhost}" -keyout "$V/leaf.key" -out "$V/leaf.csr" 2>/dev/null
	mkdir -p "$V/certs" && : >"$V/index" && echo 01 >"$V/serial"
	cat >"$V/ca.cnf" <<-END
	[ca]
	default_ca = c
	[c]
	dir = $V
	database = $V/index
	serial = $V/serial
	new_certs_dir = $V/certs
	default_md = sha256
	policy = p
	x509_extensions = x
	[p]
	commonName = supplied
	[x]
	subjectAltName = DNS:${3:-localhost}
	END
	openssl ca -batch -config "$V/ca.cnf" -cert "$V/ca.pem" -keyfile "$V/ca.key" -in "$V/leaf.csr" \
	    -out "$V/leaf.pem" -startdate "$1" -enddate "$2" 2>/dev/null
}
# front_conf CERTIFICATE KEY ADDRESS:PORT BEHIND: Apache with TLS before the server of port BEHIND
front_conf() {
	cat <<-END
	ServerRoot "$V"
	DefaultRuntimeDir "$V/tmp"
	PidFile "$V/tmp/apache.pid"
	ServerName localhost
	Listen $3
	$(for m in mpm_event authz_core socache_shmcb ssl proxy proxy_http; do
		[ ! -e "$APACHE_MODULES/mod_$m.so" ] || echo "LoadModule ${m}_module $APACHE_MODULES/mod_$m.so"; done)
	ErrorLog "$V/tmp/error.log"
	ServerLimit 2
	ThreadsPerChild 32
	MaxRequestWorkers 64
	SSLEngine on
	${TLS_MORE:-}
	SSLCertificateFile "$1"
	SSLCertificateKeyFile "$2"
	ProxyPass / http://127.0.0.1:$4/
	END
}
# front CERTIFICATE KEY: Apache with TLS before the stack
front() {
	front_conf "$1" "$2" "127.0.0.1:$FPORT" "$MAIN" >"$V/apache.conf"
	chown -R "$me:" "$V"
	(exec "${AS[@]}" apache2 -D FOREGROUND -f "$V/apache.conf" 9>&-) &
	FRONT=$!
	born "$FRONT"
	until_true 10 port_used "$FPORT" || return 1
	conf "DMBOX_PUBLIC_URL=https://localhost:$FPORT"
}
# own_net SECOND: the server, TLS before it at 203.0.113.7, and the name shop.example, which leads
# there and to SECOND, are in a network of their own, and so is doctor
own_net() {
	unshare -mn true 2>/dev/null && ip -V >/dev/null 2>&1 || { echo "SKIP: no network namespace here (unshare, ip)"; return 1; }
	ca
	leaf "$(date -u -d '-1 day' +%Y%m%d%H%M%SZ)" "$(date -u -d '+80 days' +%Y%m%d%H%M%SZ)" shop.example
	front_conf "$V/leaf.pem" "$V/leaf.key" "203.0.113.7:$PPORT" "$FPORT" >"$V/apache.conf"
	printf '127.0.0.1 localhost\n203.0.113.7 shop.example\n%s shop.example\n' "$1" >"$V/hosts"
	cat >"$V/ns" <<-END
	#!/bin/bash
	ip link set lo up && ip addr add 203.0.113.7/32 dev lo && ip addr add $1 dev lo || exit 99
	mount --bind "$V/hosts" /etc/hosts || exit 99
	${AS[*]} lighttpd -D -f "$V/run/conf" & a=\$!
	${AS[*]} apache2 -D FOREGROUND -f "$V/apache.conf" & b=\$!
	for i in {1..600}; do curl -sk -o /dev/null "https://203.0.113.7:$PPORT/instagram/health" && break; sleep 0.2; done
	${AS[*]} "\$@"; rc=\$?
	kill \$a \$b; wait
	exit \$rc
	END
	chmod 755 "$V/ns"
	chown -R "$me:" "$V/apache.conf" "$V/leaf.key" "$V/leaf.pem" "$V/tmp"
	unserve
	conf "DMBOX_PUBLIC_URL=https://shop.example:$PPORT"
	WHO=(unshare -mn "$V/ns")
	ENV=(SSL_CERT_FILE="$V/ca.pem")
	ARGS=(--only DMB-526)
}
