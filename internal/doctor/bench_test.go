package doctor_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/doctor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// The account that the benchmark examines.
const (
	benchAPIs    = 200
	benchMethods = 20
)

// BenchmarkDoctor reads and judges 200 APIs × 3 stages × 20 methods over HTTP
// from the stagedoor in this process: of each API four methods are refused on one stage.
func BenchmarkDoctor(b *testing.B) {
	w := newWorld(b)
	fill(b, w)
	var peak uint64
	for b.Loop() {
		d, err := target.Read(context.Background(), w.clients, target.Options{Wanted: doctor.Wanted(nil)})
		must(b, err)
		r := doctor.Examine(d, doctor.Options{})
		if len(r.Cells) != benchAPIs*3*benchMethods {
			b.Fatalf("%d cells", len(r.Cells))
		}
		b.ReportMetric(float64(r.Calls), "calls")
		b.ReportMetric(float64(len(r.Findings)), "findings")
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
	}
	b.ReportMetric(float64(peak)/(1<<20), "MB-heap-with-server")
}

// BenchmarkExamine judges the same from a dump, without reading it.
func BenchmarkExamine(b *testing.B) {
	w := newWorld(b)
	fill(b, w)
	d, err := target.Read(context.Background(), w.clients, target.Options{Wanted: doctor.Wanted(nil)})
	must(b, err)
	b.ReportAllocs()
	for b.Loop() {
		r := doctor.Examine(d, doctor.Options{})
		must(b, r.WriteText(&bytes.Buffer{}, false))
	}
}

func fill(b *testing.B, w *world) {
	b.Helper()
	zip := code(b)
	for _, stage := range []string{"dev", "staging", "prod"} {
		_, err := w.lambda.CreateFunction(context.Background(), &lambda.CreateFunctionInput{
			FunctionName: aws.String("fn-" + stage), Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.handler"),
			Role: &w.role, Code: &lambdatypes.FunctionCode{ZipFile: zip},
		})
		must(b, err)
	}
	for i := range benchAPIs {
		w.benchAPI(fmt.Sprintf("api-%03d", i))
	}
	for _, stage := range []string{"dev", "staging"} {
		w.grant("fn-"+stage, "all", "arn:aws:execute-api:"+testRegion+":"+testAccount+":*")
	}
	for i := range 16 {
		w.grant("fn-prod", fmt.Sprintf("s%d", i), "arn:aws:execute-api:"+testRegion+":"+testAccount+fmt.Sprintf(":*/*/*/path%d", i))
	}
}

func (w *world) benchAPI(name string) {
	ctx := context.Background()
	api, err := w.apis.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: &name})
	must(w.t, err)
	for i := range benchMethods {
		r, err := w.apis.CreateResource(ctx, &apigateway.CreateResourceInput{RestApiId: api.Id, ParentId: api.RootResourceId, PathPart: aws.String(fmt.Sprintf("path%d", i))})
		must(w.t, err)
		_, err = w.apis.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: r.Id, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE")})
		must(w.t, err)
		_, err = w.apis.PutIntegration(ctx, &apigateway.PutIntegrationInput{
			RestApiId: api.Id, ResourceId: r.Id, HttpMethod: aws.String("GET"), Type: rest.IntegrationTypeAwsProxy,
			IntegrationHttpMethod: aws.String("POST"), Uri: aws.String(invokeURI("fn-${stageVariables.env}")),
		})
		must(w.t, err)
	}
	for _, stage := range []string{"dev", "staging", "prod"} {
		w.stage(*api.Id, stage, "env="+stage)
	}
}
