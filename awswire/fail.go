package awswire

import (
	"errors"
	"net/http"
	"net/textproto"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// wireError is an error in the form that codecs write.
type wireError struct {
	code        string
	kind        string // the error's shape on the wire of JSON and CBOR, where that is not code
	message     string
	messageName string // of the message member on the wire
	status      int
	members     []errorMember // further members of the body, the message among them in the model's order
	header      http.Header   // members that travel in headers
}

type errorMember struct {
	name string
	json []byte // encoded value
	text string // for XML
	cbor []byte // encoded value; nil: text
}

// errorPlan says how a modelled error's Go type is written.
type errorPlan struct {
	shape  *modelShape
	fields []*field // message included
}

// coded is what the SDK's typed errors and its GenericAPIError have.
type coded interface {
	error
	ErrorCode() string
	ErrorMessage() string
}

// classify finds the error to show. known is false when nothing in err's chain is meant for a client.
func (s *Service) classify(err error) (w *wireError, known bool) {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if own, ok := e.(*Error); ok {
			return s.fromError(own), true
		}
		c, ok := e.(coded)
		if !ok {
			continue
		}
		if v := reflect.ValueOf(e); v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct {
			if ep := s.errorPlan(v.Elem().Type()); ep != nil {
				return s.fromTyped(c, ep, v.Elem()), true
			}
		}
		return s.fromError(&Error{Code: c.ErrorCode(), Message: c.ErrorMessage()}), true
	}
	return s.fromError(s.unknownError()), false
}

func (s *Service) unknownError() *Error {
	return &Error{Code: s.dialect.unknownCode, Message: s.dialect.unknownText, Status: 500}
}

// errorPlan finds the model shape of an error type by its name; nil: the type is none of the service's errors.
func (s *Service) errorPlan(t reflect.Type) *errorPlan {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ep, ok := s.errs[t]; ok {
		return ep
	}
	var ep *errorPlan
	if shape := s.errorShape(t.Name()); shape != nil {
		ep = &errorPlan{shape: shape}
		c := &compiler{s: s, done: s.plans}
		p := &plan{shape: shape, typ: t}
		for i, m := range shape.Members {
			gf, ok := goField(t, m.name)
			if !ok {
				continue
			}
			if f, err := c.newField(p, m, i, gf.Type); err == nil {
				f.index = gf.Index[0]
				ep.fields = append(ep.fields, f)
			}
		}
	}
	s.errs[t] = ep
	return ep
}

// errorShape finds an error by its shape's name (which the SDK's Go types keep) or its code on the wire.
func (s *Service) errorShape(name string) *modelShape { return s.errorNames()[strings.ToLower(name)] }

// errorNames indexes the model's errors by shape name and by code, in lower case. A name goes before a code: CloudWatch
// has DashboardNotFoundError with the code ResourceNotFound, and an error of that name.
func (m *model) errorNames() map[string]*modelShape {
	names := map[string]*modelShape{}
	for _, sh := range m.Shapes {
		if sh.Exception && sh.Error.Code != "" {
			names[strings.ToLower(sh.Error.Code)] = sh
		}
	}
	for n, sh := range m.Shapes {
		if sh.Exception {
			names[strings.ToLower(n)] = sh
		}
	}
	return names
}

func (sh *modelShape) statusCode() int {
	switch {
	case sh.Error.Status != 0:
		return sh.Error.Status
	case sh.Fault:
		return 500
	}
	return 400
}

func (s *Service) fromTyped(c coded, ep *errorPlan, v reflect.Value) *wireError {
	w := &wireError{message: c.ErrorMessage(), status: ep.shape.statusCode(), code: ep.shape.name, kind: ep.shape.name}
	if ep.shape.Error.Code != "" {
		w.code = ep.shape.Error.Code
	}
	if over := v.FieldByName("ErrorCodeOverride"); over.IsValid() && over.Kind() == reflect.Pointer && !over.IsNil() {
		w.code = over.Elem().String()
	}
	for _, f := range ep.fields {
		fv := v.Field(f.index)
		if strings.EqualFold(f.name, "message") {
			w.setMessage(f.wire)
			continue
		}
		if f.plan.absent(fv) {
			if f.name == "Type" && s.dialect.typeMember {
				w.member(f.wire, faultType(w.status))
			}
			continue
		}
		if f.name == "Type" && s.dialect.typeMember && errorText(f, fv) == "" {
			continue // an empty Type is none: a few of Lambda's errors have none
		}
		if f.loc == inHeader {
			if f.plan.ptr {
				fv = fv.Elem()
			}
			w.setHeader(f.wire, headerText(f, fv))
			continue
		}
		w.members = append(w.members, errorMember{f.wire, f.plan.appendJSON(nil, f.time, fv), errorText(f, fv), f.plan.appendCBOR(nil, fv)})
	}
	if w.messageName == "" {
		w.setMessage(s.defaultMessageName(ep.shape))
	}
	return w
}

// defaultMessageName is the name of the message of an error whose shape has none: CloudWatch's ConcurrentModification-
// and LimitExceededException have a Message in the SDK for Go's schemas only.
func (s *Service) defaultMessageName(sh *modelShape) string {
	if sh != nil && s.model.Metadata.QueryCompatible != nil {
		return "Message"
	}
	return "message"
}

func errorText(f *field, v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch f.plan.kind {
	case kindString, kindInt, kindBool:
		return headerText(f, v)
	}
	return ""
}

// faultType is the member Type of Lambda's errors.
func faultType(status int) string {
	if status < 500 {
		return "User"
	}
	return "Service"
}

// frameworkErrors have a capital Message in AWS's JSON, unlike the services' own (recorded for AccessDeniedException in
// public threads; SerializationException as measured on Athena).
var frameworkErrors = map[string]bool{"AccessDeniedException": true, "SerializationException": true}

func (s *Service) fromError(e *Error) *wireError {
	w := &wireError{code: e.Code, message: e.Message, status: e.Status}
	name := "message"
	if frameworkErrors[e.Code] && s.name != "apigatewayv2" {
		name = "Message"
	}
	fields := make(map[string]any, len(e.Fields)+1)
	for k, v := range e.Fields {
		fields[k] = v
	}
	if sh := s.errorShape(e.Code); sh != nil {
		w.kind, name = sh.name, s.defaultMessageName(sh)
		if s.model.Metadata.QueryCompatible != nil && sh.Error.Code != "" {
			w.code = sh.Error.Code
		}
		if w.status == 0 {
			w.status = sh.statusCode()
		}
		for _, m := range sh.Members {
			switch {
			case strings.EqualFold(m.name, "message"):
				if name = m.LocationName; name == "" {
					name = m.name
				}
			case m.name == "Type" && s.dialect.typeMember && fields["Type"] == nil:
				fields["Type"] = faultType(w.status)
			}
		}
	}
	if w.status == 0 {
		w.status = 400
	}
	keys := make([]string, 0, len(fields))
	for k := range fields {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		w.addField(k, fields[k])
	}
	w.setMessage(name)
	return w
}

func (w *wireError) setMessage(name string) {
	w.messageName = name
	if w.message != "" {
		w.member(name, w.message)
	}
}

func (w *wireError) member(name, text string) {
	w.members = append(w.members, errorMember{name: name, json: appendString(nil, text), text: text})
}

// addField takes what handlers put into Error.Fields.
func (w *wireError) addField(name string, value any) {
	text, isString := value.(string)
	if isString {
		w.member(name, text)
		return
	}
	if encoded, err := json.Marshal(value); err == nil {
		w.members = append(w.members, errorMember{name: name, json: encoded, text: string(encoded)})
	}
}

func (w *wireError) setHeader(name, value string) {
	if w.header == nil {
		w.header = http.Header{}
	}
	w.header[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
}

func (w *wireError) body(lead string) []byte {
	b := append([]byte{'{'}, lead...)
	for i, m := range w.members {
		if i > 0 || lead != "" {
			b = append(b, ',')
		}
		b = appendString(b, m.name)
		b = append(b, ':')
		b = append(b, m.json...)
	}
	return append(b, '}')
}

func (w *wireError) headers(contentType string) http.Header {
	h := http.Header{"Content-Type": {contentType}}
	for k, v := range w.header {
		h[k] = v
	}
	return h
}

func (restJSON) fail(s *Service, e *wireError, requestID string) *answer {
	h := e.headers("application/json")
	h["x-amzn-ErrorType"] = []string{e.code}
	return &answer{status: e.status, header: h, body: e.body("")}
}

func (c rpcJSON) fail(s *Service, e *wireError, requestID string) *answer {
	lead := append([]byte(`"__type":`), appendString(nil, e.typeName(s))...)
	return &answer{status: e.status, header: e.headers(c.contentType), body: e.body(string(lead))}
}

func (c queryXML) fail(s *Service, e *wireError, requestID string) *answer {
	if c.bare {
		b := appendEscaped([]byte("<Error><Code>"), e.code)
		b = appendEscaped(append(b, "</Code><Message>"...), e.message)
		b = append(b, "</Message><RequestId>"+requestID+"</RequestId></Error>\n"...)
		return &answer{status: e.status, header: e.headers("application/xml"), body: b}
	}
	b := []byte("<ErrorResponse")
	if s != nil {
		b = append(b, ` xmlns="`+s.model.Metadata.XMLNamespace+`"`...)
	}
	b = append(b, "><Error><Type>"...)
	if e.status < 500 {
		b = append(b, "Sender"...)
	} else {
		b = append(b, "Receiver"...)
	}
	b = append(b, "</Type><Code>"...)
	b = appendEscaped(b, e.code)
	b = append(b, "</Code>"...)
	if e.message != "" { // else no element: boto/boto#3530, AWS recording test_exception_serializing_with_no_shape_in_spec
		b = append(b, "<Message>"...)
		b = appendEscaped(b, e.message)
		b = append(b, "</Message>"...)
	}
	for _, m := range e.members {
		if m.name != e.messageName && m.text != "" {
			b = openTag(b, m.name)
			b = appendEscaped(b, m.text)
			b = closeTag(b, m.name)
		}
	}
	b = append(b, "</Error><RequestId>"...)
	b = append(b, requestID...)
	b = append(b, "</RequestId></ErrorResponse>\n"...)
	return &answer{status: e.status, header: e.headers("text/xml"), body: b}
}
