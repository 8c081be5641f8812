package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// refusalPause is the least time between two lists that an open page is sent.
const refusalPause = 300 * time.Millisecond

// refusalsShown bounds how many refusals of the journal the list looks at.
const refusalsShown = 500

func refusalRoutes() []route {
	return []route{
		{path: "refusals", get: refusalsPage, nav: "Refusals", icon: "refusal"},
		{path: "refusals/live", raw: refusalsLive},
		{path: "refusals/{id}", get: refusalPage},
	}
}

func refusalsURL() string { return Prefix + "refusals" }

// refusalList is what the list shows.
type refusalList struct {
	Groups []refusalGroup
	Total  int // refused requests
	Open   int // entries that would be refused still
	// Unjudged are entries of which it is not known whether they would.
	Unjudged int
	More     bool // the journal holds older ones
	Since    time.Time
	Empty    *emptyState
	// Seen stands for the newest refusal and its count: a stream that is asked
	// for with another one begins with the list of now.
	Seen string
}

// refusalGroup is every refusal of one cause.
type refusalGroup struct {
	Code, Title string
	Entries     []refusalEntry
	Count       int
}

// refusalEntry is what was refused alike: the same caller, the same target, for
// the same reason.
type refusalEntry struct {
	*grants.Decision // the newest
	Count            int
	Last             time.Time
	Who, What        string // "GET /orders on dev of orders", "my-function-dev"
	// Sentence and Fix are the cause's, as far as the person may read the
	// policies that they come from; Denied says why not.
	Sentence string
	Fix      []string
	Denied   string
	APIName  string
	// Now is "ok" where the call would pass meanwhile, "bad" where it would
	// be refused still, "" where that is not known.
	Now string
	// On the page of one refusal only.
	Evidence *evidence
	CellURL  string // "" where the matrix does not know the call
	Requests []requestLink
	// Offer is the button that mends it; nil where no grant helps.
	Offer *grantOffer
}

// requestLink leads to the log lines of one refused request.
type requestLink struct{ ID, URL string }

// requestsLinked bounds how many requests of one refusal are listed.
const requestsLinked = 10

func refusalsPage(v *visit) (*page, error) {
	list, err := v.refusals()
	if err != nil {
		return nil, err
	}
	return refusalsView(list), nil
}

func refusalsView(list *refusalList) *page {
	if len(list.Groups) == 0 {
		list.Empty = &emptyState{
			Icon: "refusal", Title: "Nothing was refused", Label: "Try a request", URL: tryURL("", "", "", ""),
			Sentence: "When API Gateway may not call a function, the client sees a bare 500. Here it appears at that moment, with the statement that is missing and a button that adds it.",
		}
	}
	return &page{
		Title: "Refusals", Section: "refusals", Template: "refusals", Body: list,
		Lead: "Every call that was refused for want of a permission, by cause, with what mends it.",
	}
}

// refusalsLive sends the list anew whenever something was refused. A storm of
// refusals is one event: the list shows their count.
func refusalsLive(v *visit, w http.ResponseWriter) error {
	wake := make(chan struct{}, 1)
	cancel := v.c.o.Journal.Subscribe(func(*grants.Decision) {
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	defer cancel()
	s, err := v.stream(w)
	if err != nil {
		return err
	}
	defer s.close()
	select {
	case wake <- struct{}{}: // for what came between the page and its stream
	default:
	}
	for seen := v.value("seen"); s.wait(wake); {
		list, err := v.refusals()
		if err != nil {
			return err
		}
		if list.Seen == seen {
			continue
		}
		seen = list.Seen
		if err := s.render(refusalsView(list), "refusal-list"); err != nil {
			return err
		}
		if !s.rest(refusalPause) {
			return nil
		}
	}
	return nil
}

// refusals reads the journal as far as this person may see it: what concerns
// the APIs that IAM lets them list, and their own calls. Roots see all of their
// account.
func (v *visit) refusals() (*refusalList, error) {
	all, err := v.c.o.Journal.Decisions(v.ctx(), refusalsShown)
	if err != nil {
		return nil, err
	}
	names, err := v.apiNames(v.ctx())
	if err != nil && v.s.Root() {
		return nil, err
	}
	mine := slices.DeleteFunc(slices.Clone(all), func(d *grants.Decision) bool { return d.Region != v.region || !v.maySee(d, names) })
	list := groupRefusals(mine, names)
	list.More = len(all) == refusalsShown
	if len(mine) > 0 {
		list.Seen = fmt.Sprintf("%s-%d", mine[0].ID, list.Total)
	}
	v.judgeNow(list)
	v.discreet(list)
	return list, nil
}

// maySee reports whether a refusal concerns this person; names are the APIs
// that they may list.
func (v *visit) maySee(d *grants.Decision, names map[string]string) bool {
	if d.Account != v.s.Account {
		return false
	}
	_, known := names[d.API]
	return v.s.Root() || known || d.Kind == grants.CallerKind && d.Principal == v.s.ARN
}

// groupRefusals puts refusals together by cause, and within one by what was
// asked. The newest come first.
func groupRefusals(all []*grants.Decision, names map[string]string) *refusalList {
	list := &refusalList{}
	groups := map[string]int{}
	entries := map[string][2]int{}
	for _, d := range all {
		list.Total += max(d.Count, 1)
		if list.Since.IsZero() || d.Time.Before(list.Since) {
			list.Since = d.Time
		}
		g, known := groups[d.Cause.Code]
		if !known {
			g = len(list.Groups)
			groups[d.Cause.Code] = g
			list.Groups = append(list.Groups, refusalGroup{Code: d.Cause.Code, Title: refusalTitle(d.Cause.Code)})
		}
		group := &list.Groups[g]
		group.Count += max(d.Count, 1)
		key := strings.Join([]string{d.Cause.Code, string(d.Kind), d.Principal, d.Action, d.Resource, d.SourceARN, d.Stage, d.Method, d.Path, d.Operation}, "\x00")
		if at, ok := entries[key]; ok {
			list.Groups[at[0]].Entries[at[1]].Count += max(d.Count, 1)
			continue
		}
		entries[key] = [2]int{g, len(group.Entries)}
		group.Entries = append(group.Entries, newRefusalEntry(d, names))
	}
	slices.SortStableFunc(list.Groups, func(a, b refusalGroup) int { return b.Entries[0].Last.Compare(a.Entries[0].Last) })
	return list
}

func newRefusalEntry(d *grants.Decision, names map[string]string) refusalEntry {
	e := refusalEntry{
		Decision: d, Count: max(d.Count, 1), Last: d.LastTime, APIName: cmp.Or(names[d.API], d.API), Sentence: d.Cause.Sentence, Fix: d.Fix,
	}
	if e.Last.IsZero() {
		e.Last = d.Time
	}
	switch d.Kind {
	case grants.CallerKind:
		e.Who, e.What = lastOf(d.Principal), d.Operation
	case grants.FrontKind:
		e.Who, e.What = cmp.Or(lastOf(d.Principal), "a stranger"), d.Request
	default:
		e.Who, e.What = d.Method+" "+d.Path, shortFunction(d.Resource)
	}
	return e
}

// apisJudged bounds for how many APIs the list asks how things are now.
const apisJudged = 6

// judgeNow compares what was refused with the matrix of now.
func (v *visit) judgeNow(list *refusalList) {
	asked := map[string][]Cell{}
	for g := range list.Groups {
		for i := range list.Groups[g].Entries {
			e := &list.Groups[g].Entries[i]
			if e.Kind == grants.DoorKind && !e.TestInvoke && e.API != "" {
				cells, known := asked[e.API]
				if !known && len(asked) < apisJudged {
					cells = v.matrix(e.API)
					asked[e.API] = cells
				}
				e.judge(cells, v.s.Account)
			}
			switch e.Now {
			case badKind:
				list.Open++
			case "":
				list.Unjudged++
			}
		}
	}
}

// judge says what would become of the call now, and how a grant mends it.
func (e *refusalEntry) judge(cells []Cell, account string) {
	c := find(cells, cellKey{e.Stage, method{e.Method, e.Path}})
	switch {
	case c == nil:
		return
	case c.Allowed:
		e.Now = okKind
		return
	}
	e.Now = badKind
	e.Offer = newGrantOffer(cells, c, account)
}

// discreet keeps what policies say from those who may not read them. Roots may;
// of others AWS is asked for each function once.
func (v *visit) discreet(list *refusalList) {
	if v.s.Root() {
		return
	}
	known := map[string]string{}
	for g := range list.Groups {
		for i := range list.Groups[g].Entries {
			e := &list.Groups[g].Entries[i]
			why, asked := known[e.Resource]
			if !asked {
				why = v.maskedFor(e.Decision, len(known))
				known[e.Resource] = why
			}
			if e.Denied = why; why != "" {
				e.Sentence, e.Fix, e.Offer = refusalTitle(e.Cause.Code)+".", nil, nil
			}
		}
	}
}

// policiesAsked bounds how many policies are asked for to show one list.
const policiesAsked = 50

// maskedFor says why a person may not read what a refusal was decided by; "" is
// that they may.
func (v *visit) maskedFor(d *grants.Decision, asked int) string {
	switch {
	case d.Kind == grants.CallerKind:
		return "IAM's own policies are shown to the account's root only."
	case d.Kind != grants.DoorKind:
		return "" // the API's resource policy, which whoever lists the API has read
	case asked >= policiesAsked:
		return "The list is long: open the refusal."
	}
	if _, err := v.policyOf(d.Resource); err != nil && !isMissing(err) {
		return describe(err, v).Sentence
	}
	return ""
}

// grantOffer is a button that adds one grant, the narrowest of those that the
// page of the cell offers.
type grantOffer struct {
	URL, Stage, Verb, Path, Kind, Plan string
	Label                              string // for screen readers
}

// newGrantOffer is nil where no grant helps.
func newGrantOffer(cells []Cell, c *Cell, account string) *grantOffer {
	choices := planGrants(cells, c, account)
	if len(choices) == 0 {
		return nil
	}
	return &grantOffer{
		URL: grantURL(c.API), Stage: c.Stage, Verb: c.Verb, Path: c.Path, Kind: choices[0].Kind, Plan: choices[0].Digest(),
		Label: "Add the grant for " + c.Verb + " " + c.Path + " on " + c.Stage,
	}
}

// apiNames maps the ids of REST APIs to their names.
func (v *visit) apiNames(ctx context.Context) (map[string]string, error) {
	apis, err := v.allAPIs(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(apis))
	for i := range apis {
		if apis[i].Id != nil && apis[i].Name != nil {
			names[*apis[i].Id] = *apis[i].Name
		}
	}
	return names, nil
}

// refusalTitle names the causes that share a remedy by it, and the others by
// themselves.
func refusalTitle(code string) string {
	switch code {
	case grants.CauseUnsigned, grants.CauseSignature, grants.CauseUnknownKey, grants.CauseExpired:
		return "The client's signature does not hold"
	case grants.CauseRouteNotFound, grants.CauseRouteUndeployed, grants.CauseStageNotFound:
		return "There is no such route"
	case grants.CauseNotDeployed:
		return "The resource policy is not deployed"
	}
	for _, family := range [...][2]string{
		{"api-policy", "The API's resource policy does not allow it"},
		{"caller-", "The caller's policies do not allow it"},
	} {
		if strings.HasPrefix(code, family[0]) {
			return family[1]
		}
	}
	return capital(causeTitle(code))
}

func refusalPage(v *visit) (*page, error) {
	d, err := v.c.o.Journal.Decision(v.ctx(), v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	names, err := v.apiNames(v.ctx())
	if err != nil && v.s.Root() {
		return nil, err
	}
	if !v.maySee(d, names) {
		return nil, fmt.Errorf("%w: %s", grants.ErrDecisionNotFound, v.r.PathValue("id"))
	}
	list := groupRefusals([]*grants.Decision{d}, names)
	v.judgeNow(list)
	v.discreet(list)
	entry := &list.Groups[0].Entries[0]
	if entry.Evidence = evidenceOf(d); entry.Denied != "" {
		entry.Evidence = &evidence{Denied: entry.Denied}
	}
	if entry.Now != "" {
		entry.CellURL = cellURL(d.API, d.Stage, d.Method, d.Path)
	}
	for _, id := range slices.Concat([]string{d.RequestID}, d.RequestIDs) {
		if d.API != "" && id != "" && len(entry.Requests) < requestsLinked && !slices.ContainsFunc(entry.Requests, func(r requestLink) bool { return r.ID == id }) {
			entry.Requests = append(entry.Requests, requestLink{id, requestURL(d.API, d.Stage, id)})
		}
	}
	return &page{
		Title: list.Groups[0].Title, Section: "refusals", Template: "refusal", Body: entry,
		Crumbs: []crumb{{"Refusals", refusalsURL()}},
	}, nil
}
