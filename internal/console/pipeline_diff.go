package console

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/stagedoor/stagedoor/internal/diff"
)

// diffView is what differs between two stages.
type diffView struct {
	API, APIName, Left, Right string
	Stages                    []string
	Report                    *diff.Report
	Shown                     []diff.Section // those in which something differs, or is not known
	SameCount                 int
	PlanURL                   string
}

func diffPage(v *visit) (*page, error) {
	d := &diffView{API: v.value("api"), Left: v.value("left"), Right: v.value("right")}
	stages, err := v.stages(v.ctx(), d.API)
	if err != nil {
		return nil, err
	}
	for i := range stages {
		d.Stages = append(d.Stages, aws.ToString(stages[i].StageName))
	}
	wanted := []string{d.Left, d.Right}
	if d.Left == d.Right {
		wanted = wanted[:1]
	}
	picture, err := diff.Read(v.ctx(), v.promoter().Clients, d.API, wanted...)
	if err != nil {
		return nil, pipelineError(err, d.API)
	}
	d.APIName = aws.ToString(picture.API.API.Name)
	d.Report = diff.Compare(&diff.Side{Picture: picture, Stage: d.Left}, &diff.Side{Picture: picture, Stage: d.Right})
	for _, s := range d.Report.Sections {
		d.SameCount += s.Same
		if s.Differences() > 0 || len(s.Unknown) > 0 {
			d.Shown = append(d.Shown, s)
		}
	}
	if d.Left != d.Right {
		d.PlanURL = planURL(d.API, d.Left, d.Right)
	}
	return &page{
		Title: fmt.Sprintf("%s and %s", d.Left, d.Right), Section: "pipeline", Template: "pipeline-diff", Body: d, Wide: true,
		Crumbs: []crumb{{"Overview", overviewURL()}, {d.APIName, apiURL(d.API)}, {"Pipeline", pipelineURL(d.API)}},
	}, nil
}

// OnlyValue is the one field of a row that has nothing else, nil otherwise.
func (d *diffView) OnlyValue(row diff.Row) *diff.Field {
	if len(row.Fields) != 1 || row.Fields[0].Name != "" {
		return nil
	}
	return &row.Fields[0]
}
