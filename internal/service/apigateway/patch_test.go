package apigateway

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/stagedoor/stagedoor/internal/state"
)

// thing has one member of every kind that a patch can change.
type thing struct {
	Name  *string
	On    bool
	Size  int32
	Tags  map[string]string
	Names []string
}

func thingPatches(listPaths bool) *patchTable[thing] {
	return &patchTable[thing]{listPaths: listPaths, rules: []patchRule[thing]{
		{"/name", opsReplaceRemove, func(t *thing, p patch) error { t.Name = optional(p); return nil }},
		{"/on", opsReplace, func(t *thing, p patch) error { t.On = parseBool(p.value); return nil }},
		{"/size", opsReplace, func(t *thing, p patch) (err error) { t.Size, err = parseInt32(p); return err }},
		{"/tags/{}", opsMap, func(t *thing, p patch) error { return patchMap(&t.Tags, p, entryValue("tags")) }},
		{"/names", opsAddRemove, func(t *thing, p patch) error { patchList(&t.Names, p, p.value); return nil }},
	}}
}

func TestPatchTable(t *testing.T) {
	full := func() *thing {
		return &thing{Name: new("old"), Tags: map[string]string{"a/b": "1"}, Names: []string{"x"}}
	}
	for _, c := range []struct {
		name    string
		ops     []types.PatchOperation
		list    bool
		want    func(*thing)
		message string
	}{
		{name: "replace", ops: ops("replace /name=new"), want: func(x *thing) { x.Name = new("new") }},
		{name: "replace with nothing", ops: ops("replace /name="), want: func(x *thing) { x.Name = nil }},
		{name: "remove", ops: ops("remove /name"), want: func(x *thing) { x.Name = nil }},
		{name: "true in any case", ops: ops("replace /on=TRUE"), want: func(x *thing) { x.On = true }},
		{name: "everything else is false", ops: ops("replace /on=true", "replace /on=yes"), want: func(x *thing) {}},
		{name: "number", ops: ops("replace /size=42"), want: func(x *thing) { x.Size = 42 }},
		{name: "no number", ops: ops("replace /size=4x"), message: "Invalid value '4x' specified for path /size: a number is needed"},
		{name: "escaped key", ops: ops("replace /tags/a~1b=2"), want: func(x *thing) { x.Tags["a/b"] = "2" }},
		{name: "add a key", ops: ops("add /tags/c~0d=2"), want: func(x *thing) { x.Tags["c~d"] = "2" }},
		{name: "last key", ops: ops("remove /tags/a~1b"), want: func(x *thing) { x.Tags = nil }},
		{name: "key is not there", ops: ops("replace /tags/q=2"), message: "Invalid parameter name specified"},
		{name: "key without value", ops: ops("add /tags/q"), message: "Invalid null or empty value in tags"},
		{name: "list", ops: ops("add /names=y", "add /names=y", "remove /names=x"), want: func(x *thing) { x.Names = []string{"y"} }},
		{name: "empty list", ops: ops("remove /names=x"), want: func(x *thing) { x.Names = nil }},
		// AWS recording test_update_method_validation.
		{name: "wrong op", ops: ops("add /on=true"), message: "Invalid patch operation specified. Must be one of: [replace]"},
		{name: "wrong path", ops: ops("replace /colour=red"), message: "Invalid patch path /colour"},
		{name: "map as a whole", ops: ops("replace /tags=x"), message: "Invalid patch path /tags"},
		{name: "slash in a key", ops: ops("replace /tags/a/b=2"), message: "Invalid patch path /tags/a/b"},
		{name: "no path", ops: []types.PatchOperation{{Op: types.OpAdd}}, message: "Invalid patch path null"},
		// AWS recordings test_update_resource_behaviour, test_update_api_key_immutable_field.
		{name: "wrong path, listed", list: true, ops: ops("remove /colour"), message: "Invalid patch path  '/colour' specified for op 'remove'. Must be one of: [/name, /tags/{}, /names]"},
		{name: "wrong op, listed", list: true, ops: ops("copy /name=x"), message: "Invalid patch path  '/name' specified for op 'copy'. Please choose supported operations"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := full()
			err := thingPatches(c.list).apply(got, c.ops)
			if c.message != "" {
				code := "BadRequestException"
				if strings.HasPrefix(c.message, "Invalid parameter name") {
					code = "NotFoundException"
				}
				check(t, err, code, c.message)
				return
			}
			check(t, err, "", "")
			want := full()
			c.want(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// Any key survives its way through a path.
func TestPatchKeyRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringN(1, -1, 40).Draw(t, "key")
		path := "/tags/" + strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
		var got thing
		if err := thingPatches(false).apply(&got, []types.PatchOperation{{Op: types.OpAdd, Path: &path, Value: new("v")}}); err != nil {
			t.Fatal(err)
		}
		if _, ok := got.Tags[key]; !ok || len(got.Tags) != 1 {
			t.Fatalf("%q was patched as %q", key, got.Tags)
		}
	})
}

func FuzzPatchStage(f *testing.F) {
	for _, path := range []string{"/*/*/logging/loglevel", "/~1a/GET/throttling/rateLimit", "//a/GET/caching/enabled", "/variables/x", "/canarySettings/percentTraffic", "/", ""} {
		f.Add("replace", path, "1")
		f.Add("remove", path, "")
	}
	service := newWorld(f).Service
	f.Fuzz(func(t *testing.T, op, path, value string) {
		u := stagePatcher{service: service, scope: scope{account, region}, stage: &state.Stage{Name: "s", DeploymentID: "d"}}
		p := patch{op: types.Op(op), path: path, value: value, given: true, from: &value}
		if u.apply(p) == nil {
			// What was accepted must be a stage that can be answered.
			stageOutput(u.stage)
		}
	})
}
