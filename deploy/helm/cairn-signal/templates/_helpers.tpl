{{- define "cairn-signal.name" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride }}
{{- else if contains "cairn-signal" .Release.Name -}}
{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-cairn-signal" .Release.Name | trunc 50 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{- define "cairn-signal.selector" -}}
app.kubernetes.io/name: cairn-signal
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "cairn-signal.labels" -}}
{{ include "cairn-signal.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{- define "cairn-signal.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end -}}

{{- /* "true" or "". Whether something in front ends TLS. */ -}}
{{- define "cairn-signal.proxied" -}}{{ if or .Values.ingress.enabled .Values.httpRoute.enabled }}true{{ end }}{{- end -}}
{{- define "cairn-signal.tls" -}}
{{- if kindIs "bool" .Values.tls.enabled }}{{ if .Values.tls.enabled }}true{{ end }}
{{- else if not (include "cairn-signal.proxied" .) }}true{{ end -}}
{{- end -}}
{{- define "cairn-signal.port" -}}{{ if include "cairn-signal.tls" . }}wss{{ else }}ws{{ end }}{{- end -}}
{{- define "cairn-signal.servicePort" -}}{{ .Values.service.port | default (ternary 443 80 (eq (include "cairn-signal.tls" .) "true")) | int }}{{- end -}}

{{- define "cairn-signal.tlsSecret" -}}{{ .Values.tls.existingSecret | default (printf "%s-tls" (include "cairn-signal.name" .)) }}{{- end -}}
{{- define "cairn-signal.tokensSecret" -}}{{ .Values.tokens.existingSecret | default (printf "%s-tokens" (include "cairn-signal.name" .)) }}{{- end -}}

{{- define "cairn-signal.natsUrl" -}}
{{- if .Values.nats.enabled -}}
{{- if .Values.nats.bundled -}}
nats://{{ include "cairn-signal.name" . }}-nats:4222
{{- else -}}
{{ .Values.nats.url | default "nats://nats.nats.svc.cluster.local:4222" }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "cairn-signal.nodes" -}}
{{ if .Values.autoscaling.enabled }}{{ .Values.autoscaling.maxReplicas | int }}{{ else }}{{ .Values.replicas | int }}{{ end }}
{{- end -}}

{{- /* What an Ingress needs so that its controller treats long connections, TLS and stopping nodes well: docs/ingress.md */ -}}
{{- define "cairn-signal.ingressAnnotations" -}}
{{- $own := dict -}}
{{- if eq .Values.ingress.controller "ingress-nginx" -}}
{{- $own = dict "force-ssl-redirect" "true" "proxy-connect-timeout" "2" "proxy-next-upstream" "error timeout http_502 http_503" "proxy-read-timeout" "3600" "proxy-send-timeout" "3600" -}}
{{- if include "cairn-signal.tls" . }}{{ $_ := set $own "backend-protocol" "HTTPS" }}{{ end -}}
{{- else if eq .Values.ingress.controller "traefik" -}}
{{- $own = dict "router.entrypoints" "websecure" "router.tls" "true" -}}
{{- end -}}
{{- $prefix := ternary "traefik" "nginx" (eq .Values.ingress.controller "traefik") -}}
{{- $all := dict -}}
{{- range $name, $value := $own }}{{ $_ := set $all (printf "%s.ingress.kubernetes.io/%s" $prefix $name) $value }}{{ end -}}
{{- with merge (dict) .Values.ingress.annotations $all }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{- /* What no schema can say. Ends the rendering with a sentence. */ -}}
{{- define "cairn-signal.check" -}}
{{- with .Values -}}
{{- if and .nats.bundled .nats.url }}{{ fail "nats.bundled and nats.url: choose one" }}{{ end -}}
{{- if and (not .nats.enabled) (or .nats.bundled .nats.url) }}{{ fail "nats.url or nats.bundled, but nats.enabled is false" }}{{ end -}}
{{- if and .nats.files (not .nats.existingSecret) }}{{ fail "nats.files needs nats.existingSecret" }}{{ end -}}
{{- if and (not .nats.enabled) (gt (int (include "cairn-signal.nodes" $)) 1) }}{{ fail "nats.enabled is false, so peers of different nodes would not meet: set autoscaling.enabled to false and replicas to 1" }}{{ end -}}
{{- if and .autoscaling.enabled (lt (int .autoscaling.maxReplicas) (int .autoscaling.minReplicas)) }}{{ fail "autoscaling.maxReplicas is less than autoscaling.minReplicas" }}{{ end -}}
{{- if and .autoscaling.enabled .autoscaling.targetConnections (.settings | default dict).maxConnections }}{{ if ge (int .autoscaling.targetConnections) (int .settings.maxConnections) }}{{ fail "autoscaling.targetConnections is not below settings.maxConnections, so nodes would be full before there are more" }}{{ end }}{{ end -}}
{{- if and .autoscaling.metrics .autoscaling.targetConnections }}{{ fail "autoscaling.metrics and autoscaling.targetConnections: choose one" }}{{ end -}}
{{- if and .ingress.enabled .httpRoute.enabled }}{{ fail "ingress and httpRoute: choose one" }}{{ end -}}
{{- if and (not .ingress.tlsSecret) (or (index .ingress.annotations "cert-manager.io/cluster-issuer") (index .ingress.annotations "cert-manager.io/issuer")) }}{{ fail "ingress.annotations name an issuer of cert-manager, which needs ingress.tlsSecret: the Secret that it makes" }}{{ end -}}
{{- if and .ingress.enabled (not .ingress.hosts) }}{{ fail "ingress.enabled needs a host in ingress.hosts" }}{{ end -}}
{{- if and .httpRoute.enabled (not .httpRoute.hosts) }}{{ fail "httpRoute.enabled needs a host in httpRoute.hosts" }}{{ end -}}
{{- if and .httpRoute.enabled (not .httpRoute.parentRefs) }}{{ fail "httpRoute.enabled needs a Gateway in httpRoute.parentRefs" }}{{ end -}}
{{- if and (include "cairn-signal.proxied" $) (not (.settings | default dict).trustedProxies) }}{{ fail "ingress or httpRoute needs settings.trustedProxies, the network of its pods: without it, limits by address treat all peers as one" }}{{ end -}}
{{- if and .tokens.lines .tokens.existingSecret }}{{ fail "tokens.lines and tokens.existingSecret: choose one" }}{{ end -}}
{{- if and (not .tokens.enabled) (or .tokens.lines .tokens.existingSecret) }}{{ fail "tokens.lines or tokens.existingSecret, but tokens.enabled is false" }}{{ end -}}
{{- if and .ice.turnUrls (not .ice.turnSecret) }}{{ fail "ice.turnUrls needs ice.turnSecret" }}{{ end -}}
{{- if and (not .modules.configMap) (or .modules.guards .modules.topicPolicy .modules.iceProvider) }}{{ fail "modules.guards, topicPolicy and iceProvider need modules.configMap" }}{{ end -}}
{{- $drain := add (include "cairn-signal.seconds" ((.settings | default dict).drainDelay | default "0s" | toString)) (include "cairn-signal.seconds" ((.settings | default dict).drainTimeout | default "10s" | toString)) -}}
{{- if lt (int .terminationGracePeriodSeconds) (int (add $drain 10)) }}{{ fail (printf "terminationGracePeriodSeconds is less than settings.drainDelay and settings.drainTimeout together and 10 s: %d at least" (add $drain 10)) }}{{ end -}}
{{- if and .podMonitor.enabled .serviceMonitor.enabled }}{{ fail "podMonitor and serviceMonitor would scrape every node twice: choose one" }}{{ end -}}
{{- end -}}
{{- end -}}

{{- /* The file of settings. */ -}}
{{- define "cairn-signal.config" -}}
# The settings of every node: docs/configuration.md. Why these values: deploy/helm/cairn-signal/values.yaml
listenAddr: 0.0.0.0:8443

# Metrics, health in detail and the status page, in plaintext and without a token. No Service leads peers here, and
# the NetworkPolicy lets only the namespace of Prometheus in.
managementAddr: 0.0.0.0:9090
{{- if include "cairn-signal.tls" . }}

# Secret {{ include "cairn-signal.tlsSecret" . }}. Read again when it is renewed.
tlsCert: /run/secrets/tls/tls.crt
tlsKey: /run/secrets/tls/tls.key
{{- end }}
{{- if .Values.tokens.enabled }}

# Secret {{ include "cairn-signal.tokensSecret" . }}. Read again when it changes.
authTokenFile: /run/secrets/tokens/tokens
{{- end }}
{{- with include "cairn-signal.natsUrl" . }}

# The bus.
natsUrl: {{ . | quote }}
{{- end }}
{{- range $setting, $key := .Values.nats.files }}
{{ $setting }}: /run/secrets/nats/{{ $key }}
{{- end }}
{{- with .Values.ice }}
{{- if or .stunUrls .turnUrls }}

# STUN and TURN servers that peers are told of.
{{- end }}
{{- with .stunUrls }}
stunUrls: {{ toJson . }}
{{- end }}
{{- with .turnUrls }}
turnUrls: {{ toJson . }}
turnSecretFile: /run/secrets/turn/secret
{{- end }}
{{- end }}
{{- with .Values.modules }}
{{- if .configMap }}

# Modules of the ConfigMap {{ .configMap }}.
{{- end }}
{{- with .guards }}
guards:
{{- range . }}
  - /etc/cairn-signal-modules/{{ . }}
{{- end }}
{{- end }}
{{- with .topicPolicy }}
topicPolicy: /etc/cairn-signal-modules/{{ . }}
{{- end }}
{{- with .iceProvider }}
iceProvider: /etc/cairn-signal-modules/{{ . }}
{{- end }}
{{- end }}
{{- with .Values.settings }}

{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Rules of egress that let the nodes reach NATS: a Service NAME or NAME.NAMESPACE.svc, else anywhere. */ -}}
{{- define "cairn-signal.natsEgress" -}}
{{- range splitList "," (include "cairn-signal.natsUrl" .) }}
{{- $host := regexReplaceAll ":[0-9]+$" (regexReplaceAll "^[a-z]+://" . "") "" }}
{{- $port := regexFind ":[0-9]+$" . | trimPrefix ":" | default "4222" }}
- to:
{{- if regexMatch "^[^.:]+([.][^.]+[.]svc([.].*)?)?$" $host }}
    - podSelector:
        matchLabels:
          {{- toYaml $.Values.networkPolicy.natsPodLabels | nindent 10 }}
{{- if contains "." $host }}
      namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ index (splitList "." $host) 1 }}
{{- end }}
{{- else }}
    - ipBlock:
        cidr: 0.0.0.0/0
    - ipBlock:
        cidr: ::/0
{{- end }}
  ports:
    - port: {{ $port }}
      protocol: TCP
{{- end }}
{{- end -}}

{{- /* A time such as 15s, in whole seconds. */ -}}
{{- define "cairn-signal.seconds" -}}
{{- $digits := regexFind "^[0-9]+" . | int -}}
{{- if hasSuffix "ms" . }}{{ div $digits 1000 }}{{ else if hasSuffix "m" . }}{{ mul $digits 60 }}{{ else if hasSuffix "h" . }}{{ mul $digits 3600 }}{{ else }}{{ $digits }}{{ end -}}
{{- end -}}
