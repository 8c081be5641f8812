package promote

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"
)

// allowed is what tags may hold (AWS General Reference, tagging).
var allowed = regexp.MustCompile(`^[A-Za-z0-9 _.:/=+@-]*$`)

func checkTags(t interface {
	Errorf(string, ...any)
}, tags map[string]string) {
	for key, value := range tags {
		if len(key) > 128 || len(value) > maxValue || !allowed.MatchString(key) || !allowed.MatchString(value) || strings.TrimSpace(value) != value || value == "" {
			t.Errorf("AWS would refuse the tag %q = %q", key, value)
		}
	}
}

var text = rapid.StringMatching(`[ -~äß🚪\n]{0,40}`)

// A record survives its tags, whatever people call things.
func TestRecordInTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[A-Za-z0-9_]{1,64}`)
		value := rapid.Ptr(rapid.StringMatching(`[A-Za-z0-9._~:/?#&=,-]{0,512}`), true)
		id := newID(time.Now())
		r := Record{
			ID: id, State: rapid.SampledFrom([]string{Preparing, Moving, Baking, Finishing, Undoing, Done, Undone}).Draw(t, "state"),
			From: "dev", Stage: "prod", OldDeployment: "a1b2c3", NewDeployment: "d4e5f6", Canary: rapid.Float64Range(0, 99).Draw(t, "canary"),
			Began: time.Unix(rapid.Int64Range(1, 1<<33).Draw(t, "began"), 0).UTC(), By: text.Draw(t, "by"), At: text.Draw(t, "at"),
			Reason: limited(text.Draw(t, "reason"), maxReason), Count: rapid.IntRange(0, 300).Draw(t, "count"),
			Bake: time.Duration(rapid.IntRange(0, 1e6).Draw(t, "bake")) * time.Millisecond, AbortOn: []Threshold{{Metric: "5xx", Most: 1, Percent: true}, {Metric: "errors", Most: 10}},
			first: "arn:aws:lambda:eu-central-1:123456789012:function:f",
		}
		set := rapid.MapOfN(name, value, 0, 5).Draw(t, "set")
		for _, n := range sortedKeys(set) {
			v := Variable{Name: n, New: set[n], Old: value.Draw(t, "old")}
			if v.New != nil || v.Old != nil {
				r.Set = append(r.Set, v)
			}
		}
		tags := r.tags()
		checkTags(t, tags)
		tags["team"], tags[recordKey+"x"] = "shop", "n=9 broken"
		back, ok := readRecord(id, "prod", tags)
		if diff := cmp.Diff(r, back, cmp.AllowUnexported(Record{}), cmpopts.EquateEmpty()); !ok || diff != "" {
			t.Fatalf("%v %s", ok, diff)
		}
		if all := recordsOf("prod", tags); len(all) != 1 {
			t.Fatalf("%+v", all)
		}
		// What later steps change stands in one tag.
		if len(r.progress()) != 1 {
			t.Fatalf("%v", r.progress())
		}
	})
}

// So does a function's part, with aliases that share their calls.
func TestFunctionInTags(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.StringMatching(`[A-Za-z0-9+/]{43}=`)
		alias := rapid.StringMatching(`[A-Za-z][A-Za-z0-9_-]{0,127}`)
		version := rapid.StringMatching(`[1-9][0-9]{0,4}`)
		f := FunctionRecord{
			Function: "arn:aws:lambda:eu-central-1:123456789012:function:f", Source: "arn:aws:lambda:eu-central-1:123456789012:function:g:dev",
			OldVersion: version.Draw(t, "old"), OldCode: hash.Draw(t, "old code"), NewCode: hash.Draw(t, "new code"), next: "arn:aws:lambda:eu-central-1:123456789012:function:h",
		}
		for _, name := range rapid.SliceOfNDistinct(alias, 0, 4, rapid.ID).Draw(t, "aliases") {
			f.Aliases = append(f.Aliases, AliasRecord{
				Name: name, Old: rapid.OneOf(version, rapid.Just(latest)).Draw(t, "from"), New: rapid.OneOf(version, rapid.Just("")).Draw(t, "to"),
				Weights: rapid.MapOfN(version, rapid.Float64Range(0.001, 1), 0, 1).Draw(t, "weights"), AtOnce: rapid.Bool().Draw(t, "at once"),
			})
		}
		tags := f.tags("20260817-093000-123kf")
		checkTags(t, tags)
		back, ok := readFunction("20260817-093000-123kf", f.Function, tags)
		byName := cmpopts.SortSlices(func(a, b AliasRecord) bool { return a.Name < b.Name })
		if diff := cmp.Diff(f, back, cmp.AllowUnexported(FunctionRecord{}), cmpopts.EquateEmpty(), byName); !ok || diff != "" {
			t.Fatalf("%v %s", ok, diff)
		}
	})
}

// Tags are written by anybody: nothing in them makes a promotion panic.
func FuzzTags(f *testing.F) {
	f.Add("n=2 st=moving from=dev a.live=1/2 w.3.live=0.5", "more +4", "n=1 from=dev", "n=1 who=a pid=x until=9")
	f.Add("n=99999999", "", "n=1 v.a=", "n=-1 ")
	f.Fuzz(func(t *testing.T, record, more, about, lock string) {
		tags := map[string]string{recordKey + "x": record, recordKey + "x:2": more, aboutKey("x"): about, lockKey + "y": lock}
		_ = recordsOf("prod", tags)
		_, _ = readFunction("x", "arn", tags)
		_, _ = (&Caller{}).locksIn(tags, time.Now(), "")
	})
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Ids sort in the order of promotions, even where clocks do not.
func TestIDsSort(t *testing.T) {
	now := time.Date(2026, 8, 17, 9, 30, 0, 999e6, time.UTC)
	id := newID(now)
	for range 100 {
		next := idAfter(id, now.Add(-time.Hour))
		if next <= id {
			t.Fatalf("%s does not come after %s", next, id)
		}
		id = next
	}
	if next := idAfter(id, now.Add(time.Hour)); !strings.HasPrefix(next, "20260817-103000-999") {
		t.Error(next)
	}
}
