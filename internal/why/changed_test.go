package why

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
)

func TestChanged(t *testing.T) {
	at := time.Date(2026, 11, 2, 15, 4, 5, 0, time.UTC)
	d := &grants.Decision{Outcome: grants.NoPermission, Nearest: -1, Changed: []grants.Change{
		{What: "alias prod of my-function", From: "3", To: "4", Time: at.Add(time.Hour)},
		{What: "policy of function my-function", From: "a", Detail: "statement api removed", Time: at},
		{What: "role door", Detail: "it was deleted", Time: at.Add(time.Minute)},
	}}
	got := plain(t, func(b *bytes.Buffer) error { return Print(b, d) })
	for _, want := range []string{
		"  changed    This call was allowed until 2026-11-02 15:04:05 UTC. Since then:\n",
		"             ~ alias prod of my-function: 3 → 4\n",
		"             ~ policy of function my-function: statement api removed (a → none)\n",
		"             ~ role door: it was deleted\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
}
