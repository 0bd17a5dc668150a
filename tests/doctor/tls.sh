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
# front CERTIFICATE KEY: Apache with TLS before the stack
front() {
	cat >"$V/apache.conf" <<-END
	ServerRoot "$V"
	DefaultRuntimeDir "$V/tmp"
	PidFile "$V/tmp/apache.pid"
	ServerName localhost
	Listen 127.0.0.1:$FPORT
	$(for m in mpm_event authz_core socache_shmcb ssl proxy proxy_http; do
		[ ! -e "$APACHE_MODULES/mod_$m.so" ] || echo "LoadModule ${m}_module $APACHE_MODULES/mod_$m.so"; done)
	ErrorLog "$V/tmp/error.log"
	ServerLimit 2
	ThreadsPerChild 32
	MaxRequestWorkers 64
	SSLEngine on
	SSLCertificateFile "$1"
	SSLCertificateKeyFile "$2"
	ProxyPass / http://127.0.0.1:$MAIN/
	END
	chown -R "$me:" "$V"
	(exec "${AS[@]}" apache2 -D FOREGROUND -f "$V/apache.conf" 9>&-) &
	FRONT=$!
	until_true 10 port_used "$FPORT" || return 1
	conf "DMBOX_PUBLIC_URL=https://localhost:$FPORT"
}
