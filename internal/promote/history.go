package promote

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagedoor/stagedoor/internal/target"
)

// Past is what is kept of an API's promotions.
type Past struct {
	API        string   `json:"api"`
	APIName    string   `json:"apiName"`
	Region     string   `json:"region"`
	Promotions []Record `json:"promotions"` // newest first
	Calls      int      `json:"calls"`
}

// History reads the promotions of an API, or of one of its stages. functions
// asks for what became of each function too, which takes a call for each.
func History(ctx context.Context, place *target.Promoter, api, stage string, functions bool) (*Past, error) {
	s, d, err := bare(ctx, place, api, []string{stage})
	if err != nil {
		return nil, err
	}
	found := d.RestAPIs[0]
	if stage != "" && stageOf(d, stage) == nil {
		return nil, &usageError{"API " + aws.ToString(found.API.Name) + " has no stage \"" + stage + "\"; it has " + stageNames(found)}
	}
	past := &Past{API: aws.ToString(found.API.Id), APIName: aws.ToString(found.API.Name), Region: d.Region, Promotions: []Record{}}
	for i := range found.Stages {
		st := &found.Stages[i]
		if name := aws.ToString(st.StageName); stage == "" || name == stage {
			past.Promotions = append(past.Promotions, recordsOf(name, st.Tags)...)
		}
	}
	slices.SortFunc(past.Promotions, func(a, b Record) int { return cmp.Compare(b.ID, a.ID) })
	if functions {
		w := &work{place: place, calls: s.calls}
		for i := range past.Promotions {
			// What the functions' tags have forgotten is missing there.
			_, _ = w.follow(ctx, &past.Promotions[i])
		}
	}
	past.Calls = int(s.calls.Load())
	return past, nil
}
