package awswire

import (
	"net/http"
	"strings"
)

// CloudWatch spoke the query protocol first. Its clients of today speak JSON or CBOR, but programs go on reading the
// codes of old: so such answers name the error's shape in the body and the query protocol's code in a header ("AWS query
// compatible" of the Smithy specification; AWS recordings test_put_metric_data_validation and
// test_exception_serializing_with_no_shape_in_spec, 2025).

// frameworkNames are the errors of AWS's own framework: the query protocol's code and the shape in JSON and CBOR. The first
// is recorded. // unverified: the others for CloudWatch; they are the names in services that speak one of the protocols.
var frameworkNames = []struct{ query, shape string }{
	{"ValidationError", "com.amazon.coral.validate#ValidationException"},
	{"AccessDenied", "com.amazon.coral.service#AccessDeniedException"},
	{"ExpiredToken", "com.amazon.coral.service#ExpiredTokenException"},
	{"IncompleteSignature", "com.amazon.coral.service#IncompleteSignatureException"},
	{"InternalFailure", "com.amazon.coral.service#InternalFailure"},
	{"InvalidAction", "com.amazon.coral.service#UnknownOperationException"},
	{"InvalidClientTokenId", "com.amazon.coral.service#UnrecognizedClientException"},
	{"MalformedInput", "com.amazon.coral.service#SerializationException"},
	{"MissingAuthenticationToken", "com.amazon.coral.service#MissingAuthenticationTokenException"},
	{"SignatureDoesNotMatch", "com.amazon.coral.service#InvalidSignatureException"},
}

// translate gives an error of a service with both kinds of names the right one for its protocol. queryMode: the client
// asked for the query protocol's codes and statuses (X-Amzn-Query-Mode).
func (s *Service) translate(w *wireError, queryMode bool) {
	if s.model.Metadata.QueryCompatible == nil {
		return
	}
	for _, n := range frameworkNames {
		if w.code == n.query || w.code == afterHash(n.shape) {
			w.code, w.kind = n.query, n.shape
		}
	}
	if s.protocol == protocolQuery {
		return
	}
	if queryMode {
		fault := ";Sender"
		if w.status >= 500 {
			fault = ";Receiver"
		}
		w.setHeader("x-amzn-query-error", w.code+fault)
		return
	}
	if w.status < 500 && w.status != http.StatusRequestEntityTooLarge {
		w.status = 400 // "RPC v2, by default, should always return 400": the same recordings
	}
}

func afterHash(name string) string { return name[strings.IndexByte(name, '#')+1:] }

// typeName is what stands in an error's "__type". CloudWatch names a namespace (AWS recording
// test_exception_serializing_with_no_shape_in_spec), CloudWatch Logs does not.
func (w *wireError) typeName(s *Service) string {
	switch {
	case s == nil || !s.queryCompatible():
		return w.code
	case w.kind == "":
		return w.code
	case strings.Contains(w.kind, "#"):
		return w.kind
	}
	return "com.amazonaws." + s.name + ".v" + strings.ReplaceAll(s.model.Metadata.APIVersion, "-", "_") + "#" + w.kind
}
