package awswire

import (
	"net/http"
	"net/url"
	"strings"
)

// matched is what the server knows before it has read the body.
type matched struct {
	svc    *Service // nil: none of ours
	codec  codec    // how to write an error when svc is nil
	op     string   // "" for the query protocol until the form has been read
	labels []label
	query  url.Values
	scope  string // of a foreign query-protocol call
	failed *Error // no such operation or service
}

const (
	contentForm = "application/x-www-form-urlencoded"
	notYet      = " is not supported by stagedoor yet. Nothing was changed."
)

// match finds service and operation from Smithy-Protocol, X-Amz-Target, credential scope, form and path, in this order.
func (s *Server) match(r *http.Request) *matched {
	m := &matched{query: r.URL.Query()}
	scope := SigningService(r)
	if r.Header.Get("Smithy-Protocol") != "" {
		s.matchRPC(m, r, scope)
		return m
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		s.matchTarget(m, target, scope)
		return m
	}
	form := strings.HasPrefix(r.Header.Get("Content-Type"), contentForm)
	switch svc := s.byScope(scope, r.URL.Path); {
	case svc != nil && svc.protocol == protocolREST:
		s.matchPath(m, svc, r)
	case svc != nil:
		m.svc = svc.speaking(protocolQuery)
		if svc.protocol == protocolJSON {
			m.failed = &Error{Code: "UnknownOperationException", Status: 404}
		}
	case scope != "":
		m.foreign(scope, r, form)
	case (form || m.query.Has("Action")) && (r.URL.Path == "/" || r.URL.Path == ""):
		// By Action, once the form has been read. Only at the root: curl -d calls any body a form.
		m.codec = queryXML{}
	default:
		s.matchUnsigned(m, r)
	}
	return m
}

// byScope: two services sign as apigateway; v2 lives below /v2/. CloudWatch signs as monitoring.
func (s *Server) byScope(scope, path string) *Service {
	if scope == "monitoring" {
		return s.service("cloudwatch")
	}
	if scope == "apigateway" && (path == "/v2" || strings.HasPrefix(path, "/v2/")) {
		return s.service("apigatewayv2")
	}
	return s.service(scope)
}

func (s *Server) matchTarget(m *matched, target, scope string) {
	prefix, op, _ := strings.Cut(target, ".")
	m.codec = rpcJSON{contentType: "application/x-amz-json-1.1"}
	for _, svc := range s.services {
		if svc.target == prefix {
			m.svc, m.op = svc.load().speaking(protocolJSON), op
			if m.svc.model.Operations[op] == nil {
				m.failed = unknownOperation()
			}
			return
		}
	}
	if scope == "" {
		scope = prefix
	}
	m.failed = unsupported(scope, op)
}

// matchRPC finds the operation of a Smithy RPC v2 call by the end of its path, /service/SERVICE/operation/OPERATION. The
// service's name is the one that X-Amz-Target has.
func (s *Server) matchRPC(m *matched, r *http.Request, scope string) {
	m.codec = rpcCBOR{}
	if p := r.Header.Get("Smithy-Protocol"); p != rpcV2CBOR {
		m.failed = unsupported(scope, "in the protocol "+p)
		return
	}
	parts := strings.Split(r.URL.Path, "/")
	if n := len(parts); n < 4 || parts[n-4] != "service" || parts[n-2] != "operation" {
		m.failed = unknownOperation()
		return
	}
	prefix, op := parts[len(parts)-3], parts[len(parts)-1]
	for _, svc := range s.services {
		if svc.target == prefix && svc.load().speaking(protocolCBOR).protocol == protocolCBOR {
			m.svc, m.op = svc.load().speaking(protocolCBOR), op
			if m.svc.model.Operations[op] == nil {
				m.failed = unknownOperation()
			}
			return
		}
	}
	if scope == "" {
		scope = prefix
	}
	m.failed = unsupported(scope, op)
}

func (s *Server) matchPath(m *matched, svc *Service, r *http.Request) {
	m.svc = svc
	op, labels, ok := svc.routes().find(r.Method, r.URL.EscapedPath(), m.query)
	if !ok {
		// Lambda and API Gateway say this for a path or method that they do not know (boto3#294, amplify-js#690).
		m.failed = &Error{Code: "AccessDeniedException", Status: 403,
			Message: "Unable to determine service/operation name to be authorized"}
		return
	}
	m.op, m.labels = op, labels
}

func (s *Server) matchUnsigned(m *matched, r *http.Request) {
	for _, name := range []string{"lambda", "apigateway", "apigatewayv2"} {
		svc := s.service(name)
		if op, labels, ok := svc.routes().find(r.Method, r.URL.EscapedPath(), m.query); ok {
			m.svc, m.op, m.labels = svc, op, labels
			return
		}
	}
	m.codec = restJSON{}
	m.failed = &Error{Code: "MissingAuthenticationTokenException", Status: 403, Message: "Missing Authentication Token"}
}

// matchAction completes a query-protocol request.
func (s *Server) matchAction(m *matched, form *formNode) {
	action, version := "", ""
	if n := form.children["Action"]; n != nil {
		action = n.value
	}
	if n := form.children["Version"]; n != nil {
		version = n.value
	}
	if m.svc == nil && m.scope == "" { // unsigned: AssumeRoleWithWebIdentity and AssumeRoleWithSAML
		for _, name := range []string{"sts", "iam"} {
			svc := s.service(name)
			if svc.model.Metadata.APIVersion == version || version == "" && svc.model.Operations[action] != nil {
				m.svc = svc
			}
		}
	}
	switch {
	case m.scope != "":
		m.failed = unsupported(m.scope, action)
	case action == "":
		m.failed = &Error{Code: "MissingAction", Status: 400, Message: "The request must contain the parameter Action."} // unverified
	case m.svc == nil || m.svc.model.Operations[action] == nil || version != "" && version != m.svc.model.Metadata.APIVersion:
		m.failed = &Error{Code: "InvalidAction", Status: 400,
			Message: "Could not find operation " + action + " for version " + version}
	default:
		m.op = action
	}
}

// foreign answers a signed call for a service that has no model. A form's Action is known only when the body has been
// read, see matchAction.
func (m *matched) foreign(scope string, r *http.Request, form bool) {
	if form || m.query.Has("Action") {
		m.codec, m.scope = queryXML{}, scope
		return
	}
	m.codec = restJSON{}
	if scope == "s3" {
		m.codec = queryXML{bare: true}
	}
	m.failed = unsupported(scope, r.Method+" "+r.URL.EscapedPath())
	if scope == "execute-api" {
		m.failed.Message = "A call signed for execute-api is a call of a deployed API, not of the control plane: " +
			"send it to http://{api}.execute-api.localhost:PORT/{stage}/…"
	}
}

func unknownOperation() *Error {
	return &Error{Code: "UnknownOperationException", Status: 400}
}

// unsupported is the answer where AWS would do something that stagedoor cannot: a 4xx, because clients retry 5xx
// (Terraform for minutes), and a code that no SDK retries and no client takes for a state of the resource.
func unsupported(service, operation string) *Error {
	what := service
	if operation != "" {
		what += " " + operation
	}
	return &Error{Code: "UnsupportedOperation", Status: 400, Message: what + notYet}
}
