package awswire

import (
	"bytes"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// label is one decoded part of the path.
type label struct{ name, value string }

// wireRequest is a request as codecs see it: the body has been read and unwrapped.
type wireRequest struct {
	header http.Header
	query  url.Values
	labels []label
	body   []byte
	form   *formNode // query protocol
}

// answer is an encoded result or error.
type answer struct {
	status int
	header http.Header
	body   []byte
	stream io.Reader // instead of body
}

// codec is one wire protocol.
type codec interface {
	decode(d *decoding, cp *callPlan, r *wireRequest, in reflect.Value) error
	encode(s *Service, cp *callPlan, out reflect.Value, requestID string) *answer
	fail(s *Service, e *wireError, requestID string) *answer
}

// The protocols, as models name them.
const (
	protocolREST  = "rest-json"
	protocolJSON  = "json"
	protocolQuery = "query"
	protocolCBOR  = "smithy-rpc-v2-cbor"
)

func newCodec(s *Service) codec {
	switch s.protocol {
	case protocolREST:
		return restJSON{}
	case protocolJSON:
		return rpcJSON{contentType: "application/x-amz-json-" + s.model.Metadata.JSONVersion}
	case protocolQuery:
		return queryXML{}
	case protocolCBOR:
		return rpcCBOR{}
	}
	panic("awswire: no codec for protocol " + s.protocol)
}

type restJSON struct{}

func (restJSON) decode(d *decoding, cp *callPlan, r *wireRequest, in reflect.Value) error {
	p := cp.in
	for _, f := range p.fields {
		if f.loc == inBody {
			continue
		}
		if err := d.bound(f, r, p, in.Field(f.index)); err != nil {
			return err
		}
	}
	switch {
	case p.payload != nil:
		if err := d.payload(p.payload, in.Field(p.payload.index), r.body); err != nil {
			return err
		}
	case len(p.byWire) > 0 && len(r.body) > 0:
		if err := d.document(p, in, r.body, root); err != nil {
			return err
		}
	}
	d.missing(p, d.seen)
	return nil
}

// bound decodes a member of the path, the query string or the headers.
func (d *decoding) bound(f *field, r *wireRequest, p *plan, dst reflect.Value) error {
	var values []string
	switch f.loc {
	case inPath:
		for _, l := range r.labels {
			if l.name == f.wire {
				values = []string{l.value}
			}
		}
	case inQuery:
		if f.restMap {
			return d.restOfQuery(f, r, p, dst)
		}
		values = r.query[f.wire]
	case inHeader:
		values = r.header[textproto.CanonicalMIMEHeaderKey(f.wire)]
	}
	if len(values) == 0 {
		return nil
	}
	d.seen |= f.bit
	d.present.add(root, f)
	d.enter(f)
	defer d.pop()
	if f.plan.kind != kindList {
		return d.setText(f.plan, f.time, dst, values[0])
	}
	dst.Set(reflect.MakeSlice(f.plan.typ, len(values), len(values)))
	for i, v := range values {
		mark := len(d.found)
		if err := d.setText(f.plan.elem, f.time, dst.Index(i), v); err != nil {
			return err
		}
		d.found = d.found[:mark] // rules of elements are reported at the list
	}
	d.container(f.plan, dst)
	return nil
}

// restOfQuery fills a map with the query parameters that no other member takes (ImportRestApi and its like).
func (d *decoding) restOfQuery(f *field, r *wireRequest, p *plan, dst reflect.Value) error {
	taken := map[string]bool{}
	for _, other := range p.fields {
		if other.loc == inQuery && !other.restMap {
			taken[other.wire] = true
		}
	}
	for name, values := range r.query {
		// Literal parameters of the operation's URI (mode=import) arrive in the map too on AWS's side; they are harmless
		// there, but the caller did not pass them: the router removes them from the query.
		if taken[name] || strings.HasPrefix(strings.ToLower(name), "x-amz-") {
			continue
		}
		if dst.IsNil() {
			dst.Set(reflect.MakeMap(f.plan.typ))
			d.seen |= f.bit
			d.present.add(root, f)
		}
		dst.SetMapIndex(reflect.ValueOf(name), reflect.ValueOf(values[0]))
	}
	return nil
}

func (d *decoding) payload(f *field, dst reflect.Value, body []byte) error {
	if f.plan.kind == kindStream {
		dst.Set(reflect.ValueOf(io.NopCloser(bytes.NewReader(body))))
		d.seen |= f.bit
		return nil
	}
	if len(body) == 0 {
		return nil
	}
	d.seen |= f.bit
	node := d.present.add(root, f)
	d.enter(f)
	defer d.pop()
	switch f.plan.kind {
	case kindBlob:
		d.blob(f.plan.check, body)
		dst.SetBytes(body)
		return nil
	case kindString:
		d.string(f.plan.check, string(body))
		f.plan.setString(dst, string(body))
		return nil
	}
	return d.document(f.plan, dst, body, node)
}

func (restJSON) encode(s *Service, cp *callPlan, out reflect.Value, requestID string) *answer {
	a := &answer{status: cp.status, header: http.Header{"Content-Type": {"application/json"}}}
	if cp.out == nil {
		return a
	}
	for _, f := range cp.out.fields {
		v := out.Field(f.index)
		if f.loc == inBody || f.plan.absent(v) {
			continue
		}
		if f.plan.ptr {
			v = v.Elem()
		}
		switch f.loc {
		case inStatus:
			if n := int(v.Int()); n != 0 {
				a.status = n
			}
		case inHeader:
			a.header[textproto.CanonicalMIMEHeaderKey(f.wire)] = []string{headerText(f, v)}
		}
	}
	switch p := cp.out.payload; {
	case p != nil:
		a.setPayload(p, out.Field(p.index))
	// 204 has no body; 202 of API Gateway's deletes neither, because their outputs have no shape.
	case a.status != http.StatusNoContent:
		a.body = cp.out.appendObject(make([]byte, 0, 1024), out)
	}
	return a
}

func (a *answer) setPayload(f *field, v reflect.Value) {
	if f.plan.absent(v) {
		return
	}
	switch f.plan.kind {
	case kindStream:
		a.stream, _ = v.Interface().(io.Reader)
	case kindBlob:
		a.body = v.Bytes()
	case kindString:
		if f.plan.ptr {
			v = v.Elem()
		}
		a.body = []byte(v.String())
	default:
		a.body = f.plan.appendJSON(nil, f.time, v)
	}
}

func headerText(f *field, v reflect.Value) string {
	switch f.plan.kind {
	case kindInt:
		return strconv.FormatInt(v.Int(), 10)
	case kindBool:
		return strconv.FormatBool(v.Bool())
	case kindTime:
		return string(formatTime(nil, f.time, v.Interface().(time.Time)))
	}
	return v.String()
}

type rpcJSON struct{ contentType string }

func (rpcJSON) decode(d *decoding, cp *callPlan, r *wireRequest, in reflect.Value) error {
	if err := d.document(cp.in, in, r.body, root); err != nil {
		return err
	}
	d.missing(cp.in, d.seen)
	return nil
}

func (c rpcJSON) encode(s *Service, cp *callPlan, out reflect.Value, requestID string) *answer {
	a := &answer{status: cp.status, header: http.Header{"Content-Type": {c.contentType}}}
	if cp.out != nil { // operations without an output shape answer an empty body
		a.body = cp.out.appendObject(make([]byte, 0, 1024), out)
	}
	return a
}
