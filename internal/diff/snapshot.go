package diff

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

// snapshot is what a stage runs.
type snapshot struct {
	// whole snapshots come from the stage's export. Others come from the live
	// configuration, and hold of each method what both tell.
	whole bool

	api, methods, authorizers, models, responses things
	policy                                       []string // statements
}

// Members of an export that say nothing of how the API behaves: they name the
// place, or are parts of their own. (APIGW-DG api-gateway-swagger-extensions)
var asideInExports = []string{"openapi", "info", "servers", "paths", "components", "tags", "security", "x-amazon-apigateway-documentation"}

const extension = "x-amazon-apigateway-"

// document is an OpenAPI 3 export.
type document struct {
	schemes map[string]any // components.securitySchemes
}

// exported reads the export of a stage.
func exported(export json.RawMessage) (*snapshot, error) {
	var all map[string]any
	decoder := json.NewDecoder(bytes.NewReader(export))
	decoder.UseNumber() // 1e2 and 100 are told apart, 2^53+1 is kept
	if err := decoder.Decode(&all); err != nil {
		return nil, fmt.Errorf("the export of the stage is no OpenAPI document: %w", err)
	}
	parts := object(all["components"])
	d := document{schemes: object(parts["securitySchemes"])}
	s := &snapshot{
		whole: true, api: things{}, policy: policyStatements(all[extension+"policy"]), methods: things{}, authorizers: things{},
		models: nested("model", object(parts["schemas"])), responses: nested("", object(all[extension+"gateway-responses"])),
	}
	maps.Copy(s.models, nested("validator", object(all[extension+"request-validators"])))
	for _, name := range []string{"policy", "gateway-responses", "request-validators"} {
		delete(all, extension+name)
	}
	for _, server := range list(all["servers"]) {
		all[extension+"endpoint-configuration"] = object(server)[extension+"endpoint-configuration"]
	}
	for name, value := range all {
		if !slices.Contains(asideInExports, name) {
			s.setting(strings.TrimPrefix(name, extension), value)
		}
	}
	for name, value := range d.schemes {
		if scheme := object(value); scheme[extension+"authorizer"] != nil {
			f := fields{}
			f.flatten("", plainKeys(scheme))
			s.authorizers[name] = f
		}
	}
	for path, operations := range object(all["paths"]) {
		d.path(s.methods, path, object(operations))
	}
	return s, nil
}

// setting adds a setting of the API, each of its members by itself.
func (s *snapshot) setting(name string, value any) {
	f := fields{}
	f.flatten(name, value)
	for name, value := range f {
		s.api[name] = fields{"": value}
	}
}

// path adds the methods of one resource. A resource without methods is a thing,
// too.
func (d *document) path(methods things, path string, operations map[string]any) {
	n := len(methods)
	for key, operation := range operations {
		if verb := verbOf(key); verb != "" {
			methods[verb+" "+path] = d.method(object(operation))
		}
	}
	if len(methods) == n {
		methods[path] = fields{}
	}
}

func verbOf(key string) string {
	switch key {
	case extension + "any-method":
		return "ANY"
	case "get", "put", "post", "delete", "options", "head", "patch":
		return strings.ToUpper(key)
	}
	return ""
}

// Names of fields that snapshots from both sources have.
const (
	fieldAuthorization = "authorization"
	fieldKey           = "API key"
	fieldType          = "integration.type"
	fieldURI           = "integration.uri"
	fieldHTTPMethod    = "integration.httpMethod"
	fieldCredentials   = "integration.credentials"
)

func inBothSources(name string) bool {
	switch name {
	case fieldAuthorization, fieldKey, fieldType, fieldURI, fieldHTTPMethod, fieldCredentials:
		return true
	}
	return false
}

// integrationDefaults hold where an export says nothing (APIGW-DG
// api-gateway-swagger-extensions-integration).
var integrationDefaults = map[string]string{
	"integration.timeoutInMillis": "29000", "integration.passthroughBehavior": "when_no_match",
	"integration.responseTransferMode": "BUFFERED", "integration.connectionType": "INTERNET",
}

func (d *document) method(operation map[string]any) fields {
	f := fields{}
	d.authorization(f, operation["security"])
	for _, p := range list(operation["parameters"]) {
		if parameter := object(p); parameter != nil {
			name := fmt.Sprintf("parameter %v %v", parameter["in"], parameter["name"])
			f[name] = "optional"
			if parameter["required"] == true {
				f[name] = "required"
			}
		}
	}
	for name, value := range operation {
		switch name {
		case "security", "parameters", extension + "auth", "tags":
		default:
			f.flatten(strings.TrimPrefix(name, extension), value)
		}
	}
	if kind, ok := f[fieldType]; ok {
		f[fieldType] = strings.ToUpper(kind)
	}
	f.drop(integrationDefaults)
	return f
}

// authorization says who may call a method.
func (d *document) authorization(f fields, security any) {
	f[fieldAuthorization] = "NONE"
	for _, requirement := range list(security) {
		for name, scopes := range object(requirement) {
			scheme := object(d.schemes[name])
			kind, _ := scheme[extension+"authtype"].(string)
			switch {
			case strings.EqualFold(kind, "awsSigv4"):
				f[fieldAuthorization] = "AWS_IAM"
			case kind == "" && scheme[extension+"authorizer"] == nil && (scheme["name"] == "x-api-key" || name == "api_key"):
				f[fieldKey] = "required"
			default:
				f[fieldAuthorization] = "authorizer " + name
				f.flatten("scopes", scopes)
			}
		}
	}
}

// live makes a snapshot of the live configuration, as far as the deployment's
// list of methods says that a stage has it; without a list it has everything.
func live(resources []rest.Resource, authorizers []rest.Authorizer, summary map[string]map[string]rest.MethodSnapshot) *snapshot {
	s := &snapshot{methods: things{}}
	names := map[string]string{}
	for i := range authorizers {
		names[text(authorizers[i].Id)] = text(authorizers[i].Name)
	}
	for i := range resources {
		path := text(resources[i].Path)
		for verb, m := range resources[i].ResourceMethods {
			if _, deployed := summary[path][verb]; deployed || summary == nil {
				s.methods[verb+" "+path] = liveMethod(&m, names)
			}
		}
	}
	for path, verbs := range summary {
		for verb, m := range verbs {
			if _, ok := s.methods[verb+" "+path]; !ok {
				s.methods[verb+" "+path] = fields{fieldAuthorization: text(m.AuthorizationType)}
			}
		}
	}
	return s
}

func liveMethod(m *rest.Method, authorizers map[string]string) fields {
	f := fields{fieldAuthorization: text(m.AuthorizationType)}
	if id := text(m.AuthorizerId); id != "" {
		f[fieldAuthorization] = "authorizer " + authorizers[id]
	}
	if m.ApiKeyRequired != nil && *m.ApiKeyRequired {
		f[fieldKey] = "required"
	}
	if in := m.MethodIntegration; in != nil {
		f.flatten(fieldType, string(in.Type))
		f.flatten(fieldURI, text(in.Uri))
		f.flatten(fieldHTTPMethod, text(in.HttpMethod))
		f.flatten(fieldCredentials, text(in.Credentials))
	}
	return f
}

// withoutOwn leaves out what belongs to one API or to one place's exports alone:
// the namespace of a method's cache is its resource's id unless told otherwise,
// and a path's variables are there whether an export lists them or not.
func (s *snapshot) withoutOwn() {
	for _, f := range s.methods {
		delete(f, "integration.cacheNamespace")
		maps.DeleteFunc(f, func(name, _ string) bool { return strings.HasPrefix(name, "parameter path ") })
	}
}

// onlyShared leaves of each method what both sources tell.
func (s *snapshot) onlyShared() {
	for name, f := range s.methods {
		short := fields{}
		for field, value := range f {
			if inBothSources(field) {
				short[field] = value
			}
		}
		if len(short) == 0 {
			delete(s.methods, name) // a resource without methods
			continue
		}
		s.methods[name] = short
	}
}

// nested makes a thing of each member.
func nested(kind string, members map[string]any) things {
	out := things{}
	for name, value := range members {
		f := fields{}
		f.flatten("", value)
		if kind != "" {
			name = kind + " " + name
		}
		out[name] = f
	}
	return out
}

// policyStatements lists the statements of a policy, each as compact JSON with
// its members in order.
func policyStatements(policy any) []string {
	statements := object(policy)["Statement"]
	all := list(statements)
	if one := object(statements); one != nil {
		all = []any{one}
	}
	var out []string
	for _, statement := range all {
		if compact, err := json.Marshal(statement); err == nil {
			out = append(out, string(compact))
		}
	}
	return out
}

// plainKeys drops the prefix of the extensions from the names of members.
func plainKeys(o map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range o {
		out[strings.TrimPrefix(name, extension)] = value
	}
	return out
}

func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// readSnapshots reads what both stages run. Where one of them has no export,
// only what the live configuration tells as well is compared.
func (c *comparing) readSnapshots() {
	for _, h := range []*half{c.left, c.right} {
		a := h.Picture.API
		if export, ok := a.Exports[h.Stage]; ok {
			s, err := exported(export)
			if err == nil {
				h.snapshot = s
				continue
			}
			c.notes = append(c.notes, "Stage "+h.Stage+": "+err.Error()+".")
		}
		h.snapshot = live(a.Resources, a.Authorizers, a.Deployments[text(h.stage.DeploymentId)].ApiSummary)
	}
	if c.left.place.api != c.right.place.api {
		c.left.snapshot.withoutOwn()
		c.right.snapshot.withoutOwn()
	}
	if c.left.snapshot.whole && c.right.snapshot.whole {
		return
	}
	c.left.snapshot.onlyShared()
	c.right.snapshot.onlyShared()
	c.notes = append(c.notes, "The deployed snapshot of "+c.withoutExport()+" could not be read: of methods their authorization and the target of their integration is compared, as it is configured now.")
}

func (c *comparing) withoutExport() string {
	var names []string
	for _, h := range []*half{c.left, c.right} {
		if end := h.end(); !h.snapshot.whole {
			names = append(names, end.Name())
		}
	}
	return strings.Join(slices.Compact(names), " and ")
}

// deployed compares one part of the snapshots.
func (c *comparing) deployed(name, title string, part func(s *snapshot) things) Section {
	if !c.left.snapshot.whole || !c.right.snapshot.whole {
		return Section{Name: name, Title: title, Unknown: []string{"the deployed snapshot of " + c.withoutExport() + " could not be read"}}
	}
	return c.section(name, title, part(c.left.snapshot), part(c.right.snapshot))
}

func (c *comparing) api() Section {
	s := c.deployed(SectionAPI, "API settings", func(s *snapshot) things { return s.api })
	if c.left.Picture.API != c.right.Picture.API {
		left, right := c.left.endpointKind(), c.right.endpointKind()
		more := c.section("", "", left, right)
		s.Rows, s.Same = append(s.Rows, more.Rows...), s.Same+more.Same
	}
	return s
}

// endpointKind: exports do not tell whether an API is EDGE, REGIONAL or PRIVATE.
func (h *half) endpointKind() things {
	out := things{}
	if e := h.Picture.API.API.EndpointConfiguration; e != nil {
		f := fields{}
		kinds := make([]string, len(e.Types))
		for i, kind := range e.Types {
			kinds[i] = string(kind)
		}
		f.set("", kinds)
		out["endpoint type"] = f
	}
	return out
}

// policy compares statements as wholes: two are the same or are two, and which
// of them stands for which nobody can say.
func (c *comparing) policy() Section {
	s := c.deployed(SectionPolicy, "resource policy", func(*snapshot) things { return nil })
	if len(s.Unknown) > 0 {
		return s
	}
	right := map[string]string{}
	for _, statement := range c.right.snapshot.policy {
		right[c.right.place.normal(statement)] = statement
	}
	for _, statement := range c.left.snapshot.policy {
		key := c.left.place.normal(statement)
		if _, both := right[key]; both {
			delete(right, key)
			s.Same++
			continue
		}
		s.Rows = append(s.Rows, Row{Item: statement, Kind: OnlyLeft})
	}
	for _, key := range slices.Sorted(maps.Keys(right)) {
		s.Rows = append(s.Rows, Row{Item: right[key], Kind: OnlyRight})
	}
	return s
}

func (c *comparing) methods() Section {
	s := c.section(SectionMethods, "methods and integrations", c.left.snapshot.methods, c.right.snapshot.methods)
	slices.SortStableFunc(s.Rows, func(x, y Row) int { return strings.Compare(pathOf(x.Item), pathOf(y.Item)) })
	return s
}

func pathOf(method string) string {
	if _, path, found := strings.Cut(method, " "); found {
		return path
	}
	return method
}

func (c *comparing) authorizers() Section {
	return c.deployed(SectionAuthorizers, "authorizers", func(s *snapshot) things { return s.authorizers })
}

func (c *comparing) models() Section {
	return c.deployed(SectionModels, "models and validators", func(s *snapshot) things { return s.models })
}

func (c *comparing) responses() Section {
	return c.deployed(SectionResponses, "gateway responses", func(s *snapshot) things { return s.responses })
}
