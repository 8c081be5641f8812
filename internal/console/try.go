package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"

	"github.com/stagedoor/stagedoor/internal/grants"
)

func tryRoutes() []route {
	return []route{
		{path: "try", get: tryPage, nav: "Try it", icon: "try"},
		{path: "try/send", post: trySend, maxBody: maxTryBody},
	}
}

// maxTryBody bounds the form: AWS takes 10 MB of payload (aws-facts part 8), and
// the data plane says so itself.
const maxTryBody = 12 << 20

// tryView is the form of a request and, once it was sent, its way.
type tryView struct {
	APIs  []apiChoice // to choose from while none is chosen
	Empty *emptyState

	API, APIName string
	Stages       []string
	Methods      []method // of the chosen stage
	Verbs        []string

	Stage, Method, Path, Query, Header, Body string
	Sign                                     bool

	// Wrong says what keeps the request from being sent; "" when it was sent,
	// or not tried yet.
	Wrong string
	Sent  *sentRequest
}

type apiChoice struct {
	Name, ID, URL string
	Stages        int
}

// Example is the request in JSON shape for the fields' placeholders.
func (t *tryView) HasParameters() bool { return strings.Contains(t.Path, "{") }

// sentRequest is the answer and the way to it.
type sentRequest struct {
	*Trace
	Kind     string // "ok", "warn" or "bad", by the status
	Text     string // "200 OK"
	Stations []station
	Fields   [][2]string // the answer's headers, sorted
	Shown    string      // the body for people
	Language string      // "json" or ""
	Binary   bool        // the body is no text
	Cut      bool        // Shown is not all of it
	Curl     string
	LogsURL  string

	// Of a refusal: where it is explained, and the button that mends it; nil
	// where no grant helps.
	CellURL  string
	Offer    *grantOffer
	Sentence string
	Fix      []string
}

// station is one step of the way, with its share of the whole time.
type station struct {
	Step
	Label string
	Start int // of 100, where its bar begins
	Width int // of 100, at least 1
}

func tryPage(v *visit) (*page, error) {
	view, err := v.newTry()
	if err != nil {
		return nil, err
	}
	return view.page(), nil
}

func (t *tryView) page() *page {
	p := &page{
		Title: "Try it", Section: "try", Template: "try", Body: t,
		Lead: "Send a request through the data plane and watch its way to the function and back.",
	}
	if t.API != "" {
		p.Crumbs = []crumb{{"Overview", overviewURL()}, {t.APIName, apiURL(t.API)}}
		if t.Stage != "" {
			p.Crumbs = append(p.Crumbs, crumb{"Stage " + t.Stage, stageURL(t.API, t.Stage)})
		}
	}
	return p
}

// newTry reads the form, or begins one from the address.
func (v *visit) newTry() (*tryView, error) {
	t := &tryView{
		API: v.value("api"), Stage: v.value("stage"), Method: strings.ToUpper(v.value("method")), Path: v.value("path"),
		Query: v.value("query"), Header: v.r.FormValue("header"), Body: v.r.FormValue("body"), Sign: v.value("sign") != "",
		Verbs: []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"},
	}
	if t.API == "" {
		return t, v.tryChoices(t)
	}
	api, err := v.apis().GetRestApi(v.ctx(), &apigateway.GetRestApiInput{RestApiId: &t.API})
	if err != nil {
		return nil, err
	}
	t.APIName = aws.ToString(api.Name)
	stages, err := v.apis().GetStages(v.ctx(), &apigateway.GetStagesInput{RestApiId: &t.API})
	if err != nil {
		return nil, err
	}
	for i := range stages.Item {
		t.Stages = append(t.Stages, aws.ToString(stages.Item[i].StageName))
	}
	slices.Sort(t.Stages)
	if t.Stage == "" && len(t.Stages) > 0 {
		t.Stage = t.Stages[0]
	}
	t.suggest(v.matrix(t.API))
	return t, nil
}

func (v *visit) tryChoices(t *tryView) error {
	apis, err := v.allAPIs(v.ctx())
	if err != nil {
		return err
	}
	summaries := v.summaries()
	for i := range apis {
		id := aws.ToString(apis[i].Id)
		choice := apiChoice{Name: aws.ToString(apis[i].Name), ID: id, URL: tryURL(id, "", "", "")}
		if s := summaries[id]; s != nil {
			choice.Stages = len(s.Stages)
		}
		t.APIs = append(t.APIs, choice)
	}
	if len(t.APIs) == 0 {
		t.Empty = firstSteps(v)
	}
	return nil
}

// suggest fills in what the address left open from the methods of the stage.
func (t *tryView) suggest(cells []Cell) {
	t.Methods = methodsOf(slices.DeleteFunc(slices.Clone(cells), func(c Cell) bool { return c.Stage != t.Stage }))
	if t.Path == "" && len(t.Methods) > 0 {
		t.Path, t.Method = t.Methods[0].Path, cmp.Or(t.Method, t.Methods[0].Verb)
	}
	if t.Method == "" || t.Method == "ANY" {
		t.Method = http.MethodGet
	}
	if !slices.Contains(t.Verbs, t.Method) {
		t.Verbs = append(t.Verbs, t.Method)
	}
}

// trySend sends the request of the form. What the API answers is no error of
// the console, whatever it is.
func trySend(v *visit) (*done, error) {
	t, err := v.newTry()
	if err != nil {
		return nil, err
	}
	request, wrong := t.request(v)
	if wrong != "" {
		t.Wrong = wrong
		return &done{Page: t.page()}, nil
	}
	trace, err := v.c.o.Gateway.Try(v.ctx(), request)
	if err != nil {
		return nil, err
	}
	t.Sent = newSentRequest(trace, request, v.c.o.Endpoint)
	if d := trace.Decision; d != nil {
		t.Sent.Sentence, t.Sent.Fix = d.Cause.Sentence, d.Fix
		if !v.s.Root() && v.maskedFor(d, 0) != "" {
			t.Sent.Sentence, t.Sent.Fix = refusalTitle(d.Cause.Code)+".", nil
		}
		cells := v.matrix(t.API)
		if c := find(cells, cellKey{d.Stage, method{d.Method, d.Path}}); c != nil && !c.Allowed {
			t.Sent.Offer = newGrantOffer(cells, c, v.s.Account)
		}
	}
	p := t.page()
	p.Status = http.StatusOK
	return &done{Page: p}, nil
}

// request makes the request that the form describes, or says what is wrong with
// it.
func (t *tryView) request(v *visit) (r *TryRequest, wrong string) {
	switch {
	case t.API == "" || t.Stage == "":
		return nil, "Choose an API and one of its stages first."
	case !strings.HasPrefix(t.Path, "/"):
		return nil, `The path begins with "/".`
	case t.HasParameters():
		return nil, "Put values in place of the parameters in braces: " + t.Path
	case strings.ContainsAny(t.Path+t.Query, " \t\r\n"):
		return nil, "Path and query hold no blanks: write %20."
	case strings.Contains(t.Path+t.Query, "#"):
		return nil, `What follows "#" stays in the browser. Write %23 if the path holds one.`
	case !isToken(t.Method):
		return nil, "The verb is a word such as GET."
	}
	if _, err := url.ParseRequestURI(t.Path + "?" + t.Query); err != nil {
		return nil, "Path and query are no part of an address: % is followed by two hexadecimal digits, and nothing is a control character."
	}
	header, wrong := parseHeader(t.Header)
	if wrong != "" {
		return nil, wrong
	}
	r = &TryRequest{
		Account: v.s.Account, Region: v.region, API: t.API, Stage: t.Stage, Method: t.Method,
		Path: t.Path, Header: header, Body: []byte(t.Body), RemoteAddr: v.r.RemoteAddr,
	}
	if query := strings.TrimPrefix(t.Query, "?"); query != "" {
		r.Path += "?" + query
	}
	if t.Sign {
		r.Credentials = v.s.credentials
	}
	return r, ""
}

// parseHeader reads one "Name: value" a line.
func parseHeader(text string) (h http.Header, wrong string) {
	h = http.Header{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); !ok || !isToken(name) {
			return nil, "Headers are written as Name: value, one a line. This is none: " + line
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return nil, "The value of a header holds no control characters: " + name
		}
		h[name] = append(h[name], strings.TrimSpace(value))
	}
	return h, ""
}

// isToken reports whether text can be the name of a header (RFC 9110, 5.6.2).
func isToken(text string) bool {
	for _, r := range text {
		if (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return false
		}
	}
	return text != ""
}

func newSentRequest(trace *Trace, r *TryRequest, endpoint string) *sentRequest {
	s := &sentRequest{Trace: trace, Text: fmt.Sprintf("%d %s", trace.Status, http.StatusText(trace.Status)), Curl: curl(r, endpoint)}
	switch {
	case trace.Status >= 500:
		s.Kind = badKind
	case trace.Status >= 400:
		s.Kind = warnKind
	default:
		s.Kind = okKind
	}
	for name, values := range trace.Header {
		for _, value := range values {
			s.Fields = append(s.Fields, [2]string{name, value})
		}
	}
	slices.SortFunc(s.Fields, func(a, b [2]string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1])) })
	s.Shown, s.Language, s.Binary, s.Cut = forPeople(trace.Body)
	s.Stations = stations(trace.Steps)
	if trace.RequestID != "" {
		s.LogsURL = requestURL(r.API, r.Stage, trace.RequestID)
	}
	if d := trace.Decision; d != nil {
		s.CellURL = cellURL(d.API, d.Stage, d.Method, d.Path)
	}
	return s
}

// stations lays the steps out on one line of time.
func stations(steps []Step) []station {
	var whole time.Duration
	for _, s := range steps {
		whole += s.Duration
	}
	labels := map[string]string{
		"route": "Route", "authorizer": "Authorizer", "door": "Door", "integration": "Integration", "answer": "Answer",
	}
	out := make([]station, 0, len(steps))
	var before time.Duration
	for _, s := range steps {
		at := station{Step: s, Label: cmp.Or(labels[s.Name], s.Name), Width: 1}
		if whole > 0 {
			at.Start = min(int(100*before/whole), 99)
			at.Width = max(int(100*s.Duration/whole), 1)
			at.Width = min(at.Width, 100-at.Start)
		}
		before += s.Duration
		out = append(out, at)
	}
	return out
}

// bodyShown bounds how much of a body a page shows.
const bodyShown = 256 << 10

// forPeople lays a body out for reading.
func forPeople(body []byte) (text, language string, binary, short bool) {
	if !utf8.Valid(body) {
		return "", "", true, false
	}
	if trimmed := bytes.TrimSpace(body); len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') {
		var out bytes.Buffer
		if json.Indent(&out, trimmed, "", "  ") == nil {
			body, language = out.Bytes(), "json"
		}
	}
	if len(body) > bodyShown {
		body, short = body[:bodyShown], true
		for len(body) > 0 && !utf8.Valid(body[len(body)-min(len(body), utf8.UTFMax):]) && !utf8.RuneStart(body[len(body)-1]) {
			body = body[:len(body)-1]
		}
	}
	return string(body), language, false, short
}

// curl is the same request as a command.
func curl(r *TryRequest, endpoint string) string {
	words := []string{"curl", "-i"}
	if r.Method != http.MethodGet {
		words = append(words, "-X", r.Method)
	}
	for _, name := range sortedNames(r.Header) {
		for _, value := range r.Header[name] {
			words = append(words, "-H", name+": "+value)
		}
	}
	if len(r.Body) > 0 {
		words = append(words, "--data-binary", string(r.Body[:min(len(r.Body), 4096)]))
	}
	address := endpoint + "/restapis/" + r.API + "/" + r.Stage + "/_user_request_" + r.Path
	return grants.Command(append(words, address)...)
}

func sortedNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
