package doctor

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/target"
)

// Options say what to examine beside the matrix.
type Options struct {
	// Before is an earlier dump of the same account: policies that were
	// replaced since are told apart from grants that never were.
	Before *target.Dump
	// Callers are ARNs of roles that call the APIs.
	Callers []string
	// URL and Verb are a request of which is asked whether it leads anywhere.
	URL, Verb string
	// Now is for tests; nil: time.Now.
	Now func() time.Time
}

// Examine finds what will fail at a place, and what is about to.
func Examine(d *target.Dump, o Options) *Report {
	if o.Now == nil {
		o.Now = time.Now
	}
	apis := apisOf(d) // once: it reads every export
	e := &exam{
		dump: d, options: o, region: d.Region, account: d.Account, now: o.Now(), apis: apis,
		ledger: newLedger(d, wantedOf(d, apis)),
	}
	if o.Before != nil {
		e.before = newLedger(o.Before, wantedOf(o.Before, apisOf(o.Before)))
	}
	e.matrix()
	e.callers()
	for i := range e.cells {
		e.classify(&e.cells[i])
	}
	r := &Report{
		Account: d.Account, Region: d.Region, Endpoint: d.Endpoint, Taken: d.Taken,
		Calls: d.Calls, Requests: d.Requests, Cells: e.cells, Unread: d.Unread,
	}
	r.Findings = e.cellFindings()
	for _, check := range []func() []Finding{
		e.testInvoke, e.canaries, e.drift, e.variables, e.statements, e.openGrants, e.wideGrants,
		e.resourcePolicies, e.callerFindings, e.functionURLs, e.keys, e.logRole, e.wrongURL,
	} {
		r.Findings = append(r.Findings, check()...)
	}
	r.Policies = e.budgets()
	r.Findings = append(r.Findings, r.sizes()...)
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(a.Level.rank()-b.Level.rank(), strings.Compare(a.Name, b.Name), strings.Compare(a.API, b.API), strings.Compare(a.Code, b.Code))
	})
	r.Notes = e.notes()
	return r
}

// notes say what the verdicts do not rest on.
func (e *exam) notes() []string {
	var notes []string
	fromLive := 0
	for _, a := range e.apis {
		for part, why := range a.unread {
			notes = append(notes, "The "+part+" of API "+a.id+" could not be read ("+why+"): nothing is said about what hangs on them.")
		}
		for _, s := range a.stages {
			if s.fromLive && len(s.methods) > 0 {
				fromLive++
			}
		}
	}
	slices.Sort(notes)
	if fromLive > 0 {
		notes = append(notes, "The live configuration was examined, because this place does not show the deployed one. What was changed and not deployed is noticed only where methods were added, removed or protected.")
	}
	if len(e.apis) == 0 {
		notes = append(notes, "There are no APIs in "+e.region+".")
	}
	if e.dump.Partial {
		notes = append(notes, "Functions that no API calls were left out; --all-functions reads them too.")
	}
	return notes
}
