package awswire

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// formNode is a tree over the dotted names of a query-protocol form: Tags.member.1.Key=a.
type formNode struct {
	value    string
	set      bool
	children map[string]*formNode
}

// maxFormDepth bounds the parts of a name: AWS's models nest a handful.
const maxFormDepth = 32

func parseForm(values ...url.Values) (*formNode, error) {
	top := &formNode{}
	for _, vs := range values {
		for name, v := range vs {
			node := top
			depth := 0
			for part := range strings.SplitSeq(name, ".") {
				if depth++; depth > maxFormDepth {
					return nil, &Error{Code: "MalformedInput", Status: 400,
						Message: "The parameter name is nested too deeply"} // unverified text
				}
				node = node.child(part)
			}
			node.value, node.set = v[0], true
		}
	}
	return top, nil
}

func (n *formNode) child(name string) *formNode {
	c := n.children[name]
	if c == nil {
		if n.children == nil {
			n.children = map[string]*formNode{}
		}
		c = &formNode{}
		n.children[name] = c
	}
	return c
}

// queryXML is the query protocol with XML answers.
type queryXML struct {
	bare bool // errors in S3's form
}

func (queryXML) decode(d *decoding, cp *callPlan, r *wireRequest, in reflect.Value) error {
	if err := d.formStruct(cp.in, r.form, in, root); err != nil {
		var own *Error
		if errors.As(err, &own) && own.Code == "SerializationException" {
			own.Code = "MalformedInput" // the query protocol's code for it (recorded for SQS)
		}
		return err
	}
	d.missing(cp.in, d.seen)
	return nil
}

func (d *decoding) formStruct(p *plan, n *formNode, dst reflect.Value, node int) error {
	dst = p.target(dst)
	var seen uint64
	for _, f := range p.fields {
		from := n.children[f.wire]
		if from == nil {
			continue
		}
		seen |= f.bit
		next := node
		if d.inList == 0 || f.lossy() {
			next = d.present.add(node, f)
		}
		d.enter(f)
		err := d.formValue(f.plan, f, from, dst.Field(f.index), next)
		d.pop()
		if err != nil {
			return err
		}
	}
	if node == root {
		d.seen |= seen
		return nil
	}
	d.missing(p, seen)
	return nil
}

func (d *decoding) formValue(p *plan, f *field, n *formNode, dst reflect.Value, node int) error {
	switch p.kind {
	case kindStruct:
		return d.formStruct(p, n, dst, node)
	case kindList:
		return d.formList(p, f, n, dst, node)
	case kindMap:
		return d.formMap(p, f, n, dst, node)
	case kindUnion:
		return d.formUnion(p, n, dst, node)
	}
	if !n.set {
		return malformed(unexpectedObject)
	}
	return d.setText(p, f.time, dst, n.value)
}

// formUnion decodes the one member that is set.
func (d *decoding) formUnion(p *plan, n *formNode, dst reflect.Value, node int) error {
	for _, f := range p.fields {
		from := n.children[f.wire]
		if from == nil {
			continue
		}
		v := reflect.New(f.plan.typ.Elem())
		d.enter(f)
		err := d.formValue(f.plan.elem, f, from, v.Elem().Field(0), node)
		d.pop()
		if err != nil {
			return err
		}
		dst.Set(v)
	}
	return nil
}

// numbered returns the children with numeric names in their order; gaps are closed.
func (n *formNode) numbered() []*formNode {
	type item struct {
		index int
		node  *formNode
	}
	items := make([]item, 0, len(n.children))
	for name, c := range n.children {
		if i, err := strconv.Atoi(name); err == nil {
			items = append(items, item{i, c})
		}
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.index, b.index) })
	nodes := make([]*formNode, len(items))
	for i, it := range items {
		nodes[i] = it.node
	}
	return nodes
}

func (d *decoding) formList(p *plan, f *field, n *formNode, dst reflect.Value, node int) error {
	if p.elemName != "" {
		if n = n.children[p.elemName]; n == nil {
			n = &formNode{} // "Tags=": an empty list
		}
	}
	nodes := n.numbered()
	dst.Set(reflect.MakeSlice(p.typ, len(nodes), len(nodes)))
	d.inList++
	defer func() { d.inList-- }()
	for i, c := range nodes {
		if err := d.formElement(p.elem, f, c, dst.Index(i), "."+strconv.Itoa(i+1)+".member", i, node); err != nil {
			return err
		}
	}
	d.container(p, dst)
	return nil
}

func (d *decoding) formElement(p *plan, f *field, n *formNode, dst reflect.Value, step string, i, node int) error {
	if !p.nested() {
		mark := len(d.found)
		err := d.formValue(p, f, n, dst, node)
		d.found = d.found[:mark] // reported at the container
		return err
	}
	d.push(i, step)
	err := d.formValue(p, f, n, dst, node)
	d.pop()
	return err
}

func (d *decoding) formMap(p *plan, f *field, n *formNode, dst reflect.Value, node int) error {
	if !f.flat {
		if n = n.children["entry"]; n == nil {
			n = &formNode{}
		}
	}
	dst.Set(reflect.MakeMap(p.typ))
	d.inList++
	defer func() { d.inList-- }()
	for i, entry := range n.numbered() {
		key, value := entry.children[p.keyName], entry.children[p.valueName]
		if key == nil || value == nil {
			return malformed(unexpectedObject)
		}
		elem := reflect.New(p.elem.goType()).Elem()
		if err := d.formElement(p.elem, f, value, elem, "."+key.value+".member", i, node); err != nil {
			return err
		}
		dst.SetMapIndex(reflect.ValueOf(key.value).Convert(p.key.typ), elem)
	}
	d.container(p, dst)
	return nil
}

func (queryXML) encode(s *Service, cp *callPlan, out reflect.Value, requestID string) *answer {
	name := cp.name
	b := make([]byte, 0, 2048)
	b = append(b, '<')
	b = append(b, name...)
	b = append(b, `Response xmlns="`...)
	b = append(b, s.model.Metadata.XMLNamespace...)
	b = append(b, `">`...)
	if cp.out != nil {
		wrapper := cp.op.Output.ResultWrapper
		if wrapper != "" {
			b = openTag(b, wrapper)
		}
		b = cp.out.appendXMLMembers(b, out)
		if wrapper != "" {
			b = closeTag(b, wrapper)
		}
	}
	b = append(b, "<ResponseMetadata><RequestId>"...)
	b = append(b, requestID...)
	b = append(b, "</RequestId></ResponseMetadata></"...)
	b = append(b, name...)
	b = append(b, "Response>\n"...)
	return &answer{status: cp.status, header: http.Header{"Content-Type": {"text/xml"}}, body: b}
}
