package console

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	types "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
)

func stageRoutes() []route {
	const at = "apis/{api}/stages/{stage}"
	return []route{
		{path: at, get: stagePage},
		{path: at + "/check", get: checkVariables},
		{path: at + "/variables", post: saveVariables},
		{path: at + "/deployment", post: switchDeployment},
		{path: at + "/settings", post: saveSettings},
		{path: at + "/access-log", post: saveAccessLog},
		{path: at + "/canary", post: saveCanary},
		{path: at + "/delete", post: deleteStage},
	}
}

// stageView is the page of one stage.
type stageView struct {
	API, APIName, Name, URL string
	Invoke                  string // where it is called
	Description             string
	Created, Updated        time.Time
	Deployment              string
	Variables               []variable
	Check                   *variableCheck
	Exported                string // why what it serves could not be read; "" otherwise
	Deployments             []deploymentRow
	MoreDeployments         int
	Settings                []settingRow
	Methods                 []string // what settings can be of: "*/*", "/users/{id}/GET"
	AccessLog               types.AccessLogSettings
	Canary                  *canaryView
	CanaryDeployments       []deploymentRow
	Counts                  struct{ Allowed, Refused, Broken int }
	LogsURL, TryURL         string
	Matrix                  *matrix
	Problem                 string
}

type deploymentRow struct {
	ID, Description string
	Created         time.Time
	Current, Canary bool
}

type settingRow struct {
	Key, Label string // "~1users~1{id}/GET", "GET /users/{id}"
	types.MethodSetting
}

type canaryView struct {
	Percent    float64
	Deployment string
	Overrides  []variable
	UseCache   bool
}

const deploymentsShown = 20

// stageOf reads the stage that the address names.
func (v *visit) stageOf(ctx context.Context) (*apigateway.GetStageOutput, error) {
	return v.apis().GetStage(ctx, &apigateway.GetStageInput{RestApiId: aws.String(v.r.PathValue("api")), StageName: aws.String(v.r.PathValue("stage"))})
}

func stagePage(v *visit) (*page, error) { return v.stagePage("", nil) }

// stagePage shows the stage; after a refused change with the problem, and the
// variables as they were typed.
func (v *visit) stagePage(trouble string, typed []variable) (*page, error) {
	api, err := v.apiOf(v.ctx())
	if err != nil {
		return nil, err
	}
	stage, err := v.stageOf(v.ctx())
	if err != nil {
		return nil, err
	}
	id, name := aws.ToString(api.Id), aws.ToString(stage.StageName)
	s := &stageView{
		API: id, APIName: aws.ToString(api.Name), Name: name, URL: stageURL(id, name), Problem: trouble,
		Invoke:      v.c.o.Endpoint + "/restapis/" + id + "/" + name + "/_user_request_/",
		Description: aws.ToString(stage.Description), Created: aws.ToTime(stage.CreatedDate), Updated: aws.ToTime(stage.LastUpdatedDate),
		Deployment: aws.ToString(stage.DeploymentId), Variables: variablesOf(stage.Variables),
		LogsURL: logsURL(id, name), TryURL: tryURL(id, name, "", ""),
	}
	if typed != nil {
		s.Variables = typed
	}
	methods, err := v.deployedMethods(v.ctx(), id, name)
	if err != nil {
		s.Exported = describe(err, v).Sentence
	}
	s.Check = v.check(id, name, methods, s.Variables)
	s.Check.Changed = typed != nil
	for range emptyRows {
		s.Variables = append(s.Variables, variable{})
	}
	s.count(v.matrix(id))
	s.settings(stage, methods)
	s.canary(stage)
	if err := s.deployments(v, stage); err != nil {
		return nil, err
	}
	return &page{
		Title: "Stage " + name, Template: "stage", Body: s,
		Crumbs: []crumb{{"Overview", overviewURL()}, {s.APIName, apiURL(id)}},
	}, nil
}

// variablesOf lists variables by name.
func variablesOf(values map[string]string) []variable {
	all := make([]variable, 0, len(values)+emptyRows)
	for name, value := range values {
		all = append(all, variable{Name: name, Value: value})
	}
	slices.SortFunc(all, func(a, b variable) int { return strings.Compare(a.Name, b.Name) })
	return all
}

func (s *stageView) count(cells []Cell) {
	for i := range cells {
		if cells[i].Stage != s.Name {
			continue
		}
		switch severity(&cells[i]) {
		case 0:
			s.Counts.Allowed++
		case 1:
			s.Counts.Broken++
		default:
			s.Counts.Refused++
		}
	}
}

// settings lists the settings of methods, and what else can have some.
func (s *stageView) settings(stage *apigateway.GetStageOutput, methods []deployedMethod) {
	for key, each := range stage.MethodSettings {
		s.Settings = append(s.Settings, settingRow{Key: key, Label: settingLabel(key), MethodSetting: each})
	}
	slices.SortFunc(s.Settings, func(a, b settingRow) int { return strings.Compare(a.Key, b.Key) })
	s.Methods = append(s.Methods, "*/*")
	for i := range methods {
		s.Methods = append(s.Methods, methods[i].Path+"/"+methods[i].Verb)
	}
	if stage.AccessLogSettings != nil {
		s.AccessLog = *stage.AccessLogSettings
	}
}

// settingLabel is the key of settings as people name the method.
func settingLabel(key string) string {
	if key == "*/*" {
		return "All methods"
	}
	at := strings.LastIndexByte(key, '/')
	if at < 0 {
		return key
	}
	return key[at+1:] + " /" + strings.TrimPrefix(strings.ReplaceAll(key[:at], "~1", "/"), "/")
}

func (s *stageView) canary(stage *apigateway.GetStageOutput) {
	c := stage.CanarySettings
	if c == nil {
		return
	}
	s.Canary = &canaryView{
		Percent: c.PercentTraffic, Deployment: aws.ToString(c.DeploymentId),
		Overrides: variablesOf(c.StageVariableOverrides), UseCache: c.UseStageCache,
	}
}

// deployments lists the newest deployments of the API.
func (s *stageView) deployments(v *visit, stage *apigateway.GetStageOutput) error {
	out, err := v.apis().GetDeployments(v.ctx(), &apigateway.GetDeploymentsInput{RestApiId: &s.API, Limit: aws.Int32(500)})
	if err != nil {
		return err
	}
	for i := range out.Items {
		d := &out.Items[i]
		s.Deployments = append(s.Deployments, deploymentRow{
			ID: aws.ToString(d.Id), Description: aws.ToString(d.Description), Created: aws.ToTime(d.CreatedDate),
			Current: aws.ToString(d.Id) == s.Deployment, Canary: s.Canary != nil && aws.ToString(d.Id) == s.Canary.Deployment,
		})
	}
	slices.SortStableFunc(s.Deployments, func(a, b deploymentRow) int { return b.Created.Compare(a.Created) })
	if n := len(s.Deployments); n > deploymentsShown {
		s.MoreDeployments = n - deploymentsShown
		s.Deployments = s.Deployments[:deploymentsShown]
	}
	return nil
}

// checkVariables answers htmx while variables are typed.
func checkVariables(v *visit) (*page, error) {
	api, stage := v.r.PathValue("api"), v.r.PathValue("stage")
	methods, err := v.deployedMethods(v.ctx(), api, stage)
	if err != nil {
		return nil, err
	}
	if err := v.r.ParseForm(); err != nil {
		return nil, err
	}
	s := &stageView{API: api, Name: stage, URL: stageURL(api, stage), Check: v.check(api, stage, methods, v.variables())}
	s.Check.Changed = true
	return &page{Title: "Variables of " + stage, Template: "check", Body: s, Crumbs: []crumb{{"Overview", overviewURL()}, {"API", apiURL(api)}, {stage, s.URL}}}, nil
}

// patch changes the stage that the address names, and returns to its page.
func (v *visit) patch(message string, operations []types.PatchOperation, undo []types.PatchOperation) (*done, error) {
	api, stage := v.r.PathValue("api"), v.r.PathValue("stage")
	set := func(v *visit, operations []types.PatchOperation) ([]string, error) {
		_, err := v.apis().UpdateStage(v.ctx(), &apigateway.UpdateStageInput{RestApiId: &api, StageName: &stage, PatchOperations: operations})
		words := []string{"apigateway", "update-stage", "--rest-api-id", api, "--stage-name", stage, "--patch-operations"}
		return []string{command(append(words, shorthand(operations)...)...)}, err
	}
	commands, err := set(v, operations)
	if err != nil {
		if p := describe(err, v); p.Status == http.StatusBadRequest {
			page, err := v.stagePage(p.Sentence, nil)
			return &done{Page: page}, err
		}
		return nil, err
	}
	d := &done{Message: message, Commands: commands, To: stageURL(api, stage), UndoLabel: "Undo"}
	if undo != nil {
		d.undo = func(v *visit) (*done, error) {
			commands, err := set(v, undo)
			if err != nil {
				return nil, err
			}
			return &done{Message: "Undone: the stage is as it was before.", Commands: commands, To: stageURL(api, stage)}, nil
		}
	}
	return d, nil
}

// shorthand writes patch operations as the aws CLI takes them.
func shorthand(operations []types.PatchOperation) []string {
	out := make([]string, len(operations))
	for i := range operations {
		o := &operations[i]
		parts := []string{"op=" + string(o.Op), "path=" + aws.ToString(o.Path)}
		if o.From != nil {
			parts = append(parts, "from="+*o.From)
		}
		if o.Value != nil {
			value := *o.Value
			if strings.ContainsAny(value, ",= \"'{}[]\\") {
				// The CLI's shorthand takes a quoted string.
				value = strconv.Quote(value)
			}
			parts = append(parts, "value="+value)
		}
		out[i] = strings.Join(parts, ",")
	}
	return out
}

func replace(path, value string) types.PatchOperation {
	return types.PatchOperation{Op: types.OpReplace, Path: &path, Value: &value}
}

func remove(path string) types.PatchOperation {
	return types.PatchOperation{Op: types.OpRemove, Path: &path}
}

// difference of variables as patch operations: what turns old into new.
func variablePatch(root string, old, new map[string]string) []types.PatchOperation {
	var out []types.PatchOperation
	for _, each := range variablesOf(new) {
		if was, there := old[each.Name]; !there || was != each.Value {
			out = append(out, replace(root+each.Name, each.Value))
		}
	}
	for _, each := range variablesOf(old) {
		if _, stays := new[each.Name]; !stays {
			out = append(out, remove(root+each.Name))
		}
	}
	return out
}

// saveVariables writes what differs. A page that is older than the stage does not
// overwrite what somebody else changed meanwhile.
func saveVariables(v *visit) (*done, error) {
	stage, err := v.stageOf(v.ctx())
	if err != nil {
		return nil, err
	}
	typed := v.variables()
	values := map[string]string{}
	for _, each := range typed {
		trouble := variableProblem(each.Name, each.Value)
		if _, twice := values[each.Name]; twice {
			trouble = "“" + each.Name + "” is given twice."
		}
		if trouble != "" {
			p, err := v.stagePage(trouble, typed)
			return &done{Page: p}, err
		}
		values[each.Name] = each.Value
	}
	if v.value("was") != fingerprint(stage.Variables) {
		p, err := v.stagePage("The variables were changed by somebody else since the page was made. Nothing was changed; compare and save again.", nil)
		if p != nil {
			p.Status = http.StatusConflict
		}
		return &done{Page: p}, err
	}
	operations := variablePatch("/variables/", stage.Variables, values)
	if len(operations) == 0 {
		return &done{Message: "Nothing differs; nothing was changed.", To: stageURL(v.r.PathValue("api"), v.r.PathValue("stage"))}, nil
	}
	d, err := v.patch("The variables were saved. They act at once.", operations, variablePatch("/variables/", values, stage.Variables))
	if err != nil || d.Page != nil {
		return d, err
	}
	return d, nil
}
