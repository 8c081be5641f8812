package gateway

import (
	"net/url"
	"strings"
)

// maxDepth bounds path variables in one template; AWS's limit of resources per
// API (300) and its path length keep real APIs far below.
const maxDepth = 32

// params are the values of a matched template's variables, in its order.
type params struct {
	names  []string // the template's: shared
	values [maxDepth]string
	n      int
}

// router finds the method for a path and a verb. It is built once and then
// read by all requests.
type router struct {
	root node
}

// node is one resource of the tree.
type node struct {
	static map[string]*node
	param  *node // {name}
	greedy *node // {name+}: always a leaf

	name    string   // of the variable that leads here
	names   []string // all variables on the way here
	methods map[string]*methodPlan
	any     *methodPlan
}

// add puts a resource's methods at its template.
func (rt *router) add(template string, methods map[string]*methodPlan) {
	n := &rt.root
	for part := range strings.SplitSeq(strings.Trim(template, "/"), "/") {
		if part != "" {
			n = n.child(part)
		}
	}
	n.methods = methods
	n.any = methods["ANY"]
}

func (n *node) child(part string) *node {
	var slot **node
	name, variable := strings.CutPrefix(part, "{")
	name = strings.TrimSuffix(name, "}")
	switch {
	case !variable:
		if n.static == nil {
			n.static = make(map[string]*node)
		}
		c := n.static[part]
		if c == nil {
			c = &node{names: n.names}
			n.static[part] = c
		}
		return c
	case strings.HasSuffix(name, "+"):
		slot, name = &n.greedy, strings.TrimSuffix(name, "+")
	default:
		slot = &n.param
	}
	if *slot == nil {
		names := append(n.names[:len(n.names):len(n.names)], name)
		*slot = &node{name: name, names: names}
	}
	return *slot
}

// find returns the method that answers verb on path, and fills p.
//
// The most specific resource wins, part by part: a literal part, then {name},
// then {name+}. Where the more specific branch has no resource for the rest of
// the path, the less specific one is tried (AWS recording
// test_routing_with_hardcoded_resource_sibling_order: "/part1/random-value"
// reaches {param+} although /part1 exists). HEAD and OPTIONS are verbs like any
// other; nothing answers them unless it was made, or ANY was.
//
// A trailing slash does not count, nor do several leading ones (AWS recording
// test_lambda_aws_proxy_integration: "/stage//hardcoded" finds /hardcoded,
// "/proxy-value/" gives proxy=proxy-value; powertools-lambda-python#1552).
//
// Path and verb are one step: a resource that exists without the verb is passed
// over like one that does not exist (measured on AWS: ministack#1423,
// floci#3399).
func (rt *router) find(path, verb string, p *params) *methodPlan {
	p.n = 0
	path = strings.TrimLeft(path, "/")
	path = strings.TrimSuffix(path, "/")
	return rt.root.find(path, verb, p)
}

func (n *node) find(rest, verb string, p *params) *methodPlan {
	if rest == "" {
		if m := n.methods[verb]; m != nil && verb != "ANY" {
			p.names = n.names
			return m
		}
		if n.any != nil {
			p.names = n.names
		}
		return n.any
	}
	part, tail := rest, ""
	more := false
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		part, tail, more = rest[:i], rest[i+1:], true
	}
	if !more || tail != "" { // "a//" has an empty part at its end: only {name+} takes it
		if c := n.literal(part); c != nil {
			if m := c.find(tail, verb, p); m != nil {
				return m
			}
		}
		if n.param != nil && part != "" && p.n < maxDepth {
			p.values[p.n] = part
			p.n++
			if m := n.param.find(tail, verb, p); m != nil {
				return m
			}
			p.n--
		}
	}
	if n.greedy != nil && p.n < maxDepth {
		p.values[p.n] = rest
		p.n++
		if m := n.greedy.find("", verb, p); m != nil {
			return m
		}
		p.n--
	}
	return nil
}

// literal finds the child for a literal part, which may be sent with percent
// encoding where it need not be.
// unverified: that AWS decodes before it compares.
func (n *node) literal(part string) *node {
	if len(n.static) == 0 {
		return nil
	}
	if c := n.static[part]; c != nil || strings.IndexByte(part, '%') < 0 {
		return c
	}
	decoded, err := url.PathUnescape(part)
	if err != nil {
		return nil
	}
	return n.static[decoded]
}

// matchTemplate fills p when path fits template, for TestInvokeMethod, which
// names its resource and may send any path.
func matchTemplate(template, path string, p *params) bool {
	var rt router
	rt.add(template, map[string]*methodPlan{"ANY": {}})
	return rt.find(path, "GET", p) != nil
}
