package gateway

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The answer of a function behind AWS_PROXY (APIGW-DG
// set-up-lambda-proxy-integrations, output format):
//
//	{"statusCode": 200, "headers": {…}, "multiValueHeaders": {…}, "body": "…", "isBase64Encoded": false}
//
// Every member may be missing ({} is an empty 200), none may be unknown (AWS
// recording test_lambda_aws_proxy_response_format: "wrongValue" → 502).

// answerDecoder is what decoding needs and keeps from one request to the next.
type answerDecoder struct {
	json          *jsontext.Decoder
	reader        *bytes.Reader
	header, multi [][2]string
}

// open makes the decoder read payload.
func (a *answerDecoder) open(payload []byte) *jsontext.Decoder {
	if a.json == nil {
		a.reader = bytes.NewReader(payload)
		a.json = jsontext.NewDecoder(a.reader, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		return a.json
	}
	a.reader.Reset(payload)
	a.json.Reset(a.reader, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return a.json
}

// close lets go of the payload, and of buffers that grew with a big one.
func (a *answerDecoder) close(size int) {
	clear(a.header)
	clear(a.multi)
	a.reader.Reset(nil)
	if size > 64<<10 {
		*a = answerDecoder{}
	}
}

// proxyAnswer is the decoded form.
type proxyAnswer struct {
	status  int
	header  [][2]string
	multi   [][2]string
	body    string
	encoded bool
}

// parse reads payload into a; problem is a sentence when it is malformed.
func (a *answer) parse(payload []byte, x *exchange) (problem string) {
	keep := &x.decoder
	p := proxyAnswer{status: 200, header: keep.header[:0], multi: keep.multi[:0]}
	problem = p.decode(keep.open(payload))
	keep.header, keep.multi = p.header, p.multi
	defer keep.close(len(payload))
	if problem != "" {
		return problem
	}
	a.status = p.status
	a.body = []byte(p.body)
	x.base64 = p.encoded
	a.header = a.header[:0]
	for _, f := range p.multi {
		x.addHeader(f[0], f[1])
	}
	for _, f := range p.header {
		// Both lists are merged; a pair that is in both counts once (APIGW-DG
		// set-up-lambda-proxy-integrations).
		if !slices.Contains(p.multi, f) {
			x.addHeader(f[0], f[1])
		}
	}
	return ""
}

func (p *proxyAnswer) decode(d *jsontext.Decoder) string {
	if d.PeekKind() != '{' {
		return "it is not a JSON object"
	}
	if _, err := d.ReadToken(); err != nil {
		return err.Error()
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return "it is not JSON: " + err.Error()
		}
		if problem := p.member(d, name.String()); problem != "" {
			return problem
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return "it is not JSON: " + err.Error()
	}
	return ""
}

func (p *proxyAnswer) member(d *jsontext.Decoder, name string) string {
	switch name {
	case "statusCode":
		return p.readStatus(d)
	case "body":
		switch d.PeekKind() {
		case '"', 'n':
			t, err := d.ReadToken()
			if err != nil {
				return "body: " + err.Error()
			}
			if t.Kind() == '"' {
				p.body = t.String()
			}
			return ""
		}
		return "body is not a string; use JSON.stringify or json.dumps"
	case "isBase64Encoded":
		t, err := d.ReadToken()
		if err != nil || t.Kind() != 't' && t.Kind() != 'f' && t.Kind() != 'n' {
			return "isBase64Encoded is not a boolean"
		}
		p.encoded = t.Kind() == 't'
		return ""
	case "headers":
		return readFields(d, name, &p.header, false)
	case "multiValueHeaders":
		return readFields(d, name, &p.multi, true)
	case "cookies":
		return "cookies belongs to payload format 2.0 of HTTP APIs; use multiValueHeaders with Set-Cookie"
	default:
		return fmt.Sprintf("the member %q is not one of statusCode, headers, multiValueHeaders, body and isBase64Encoded", name)
	}
}

// readStatus takes an integer, or text that is one.
// unverified: which numbers AWS refuses; a status that no final HTTP answer can
// have is refused here.
func (p *proxyAnswer) readStatus(d *jsontext.Decoder) string {
	t, err := d.ReadToken()
	if err != nil {
		return "statusCode: " + err.Error()
	}
	switch t.Kind() {
	case 'n':
		return ""
	case '0', '"':
		n, err := strconv.Atoi(strings.TrimSuffix(t.String(), ".0"))
		if err != nil || n < 200 || n > 599 {
			return "statusCode " + t.String() + " is no HTTP status code"
		}
		p.status = n
		return ""
	}
	return "statusCode is not a number"
}

// readFields reads an object of scalars, or of lists of scalars.
// unverified: null values; they are left out here.
func readFields(d *jsontext.Decoder, name string, fields *[][2]string, lists bool) string {
	switch d.PeekKind() {
	case 'n':
		_, err := d.ReadToken()
		return problemOf(err)
	case '{':
	default:
		return name + " is not an object"
	}
	if _, err := d.ReadToken(); err != nil {
		return problemOf(err)
	}
	for d.PeekKind() != '}' {
		key, err := d.ReadToken()
		if err != nil {
			return problemOf(err)
		}
		field := key.String()
		if !lists {
			if problem := readScalar(d, name, field, fields); problem != "" {
				return problem
			}
			continue
		}
		if d.PeekKind() != '[' {
			return name + "." + field + " is not a list"
		}
		if _, err := d.ReadToken(); err != nil {
			return problemOf(err)
		}
		for d.PeekKind() != ']' {
			if problem := readScalar(d, name, field, fields); problem != "" {
				return problem
			}
		}
		if _, err := d.ReadToken(); err != nil {
			return problemOf(err)
		}
	}
	_, err := d.ReadToken()
	return problemOf(err)
}

func readScalar(d *jsontext.Decoder, name, field string, fields *[][2]string) string {
	t, err := d.ReadToken()
	if err != nil {
		return problemOf(err)
	}
	switch t.Kind() {
	case '"', '0', 't', 'f':
		*fields = append(*fields, [2]string{field, t.String()})
	case 'n':
	default:
		return name + "." + field + " is no string, number or boolean"
	}
	return ""
}

func problemOf(err error) string {
	if err == nil {
		return ""
	}
	return "it is not JSON: " + err.Error()
}

// decodeBody decodes a base64 body when the API has binary media types and the
// caller's Accept names one of them (APIGW-DG
// api-gateway-payload-encodings-workflow); otherwise the text goes out as it is.
func (x *exchange) decodeBody() {
	if !x.base64 || !x.plan.binary.accepts(x.headerValue("Accept")) {
		return
	}
	decoded := make([]byte, base64.StdEncoding.DecodedLen(len(x.answer.body)))
	n, err := base64.StdEncoding.Decode(decoded, x.answer.body)
	if err != nil {
		x.explain("isBase64Encoded is true, but the body is not base64: " + err.Error())
		x.configurationError("Unable to base64 decode the body.", configurationError)
		return
	}
	x.answer.body = decoded[:n]
}

// errorMessage is the errorMessage of a function's error object.
func errorMessage(payload []byte) string {
	var v struct {
		ErrorMessage *string `json:"errorMessage"`
	}
	if json.Unmarshal(payload, &v) != nil || v.ErrorMessage == nil {
		return string(payload)
	}
	return *v.ErrorMessage
}
