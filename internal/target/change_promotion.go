package target

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
)

// FunctionReleases are the operations that move code and aliases.
type FunctionReleases interface {
	GetFunction(context.Context, *lambda.GetFunctionInput, ...func(*lambda.Options)) (*lambda.GetFunctionOutput, error)
	UpdateFunctionCode(context.Context, *lambda.UpdateFunctionCodeInput, ...func(*lambda.Options)) (*lambda.UpdateFunctionCodeOutput, error)
	PublishVersion(context.Context, *lambda.PublishVersionInput, ...func(*lambda.Options)) (*lambda.PublishVersionOutput, error)
	GetAlias(context.Context, *lambda.GetAliasInput, ...func(*lambda.Options)) (*lambda.GetAliasOutput, error)
	UpdateAlias(context.Context, *lambda.UpdateAliasInput, ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error)
	ListTags(context.Context, *lambda.ListTagsInput, ...func(*lambda.Options)) (*lambda.ListTagsOutput, error)
	TagResource(context.Context, *lambda.TagResourceInput, ...func(*lambda.Options)) (*lambda.TagResourceOutput, error)
	UntagResource(context.Context, *lambda.UntagResourceInput, ...func(*lambda.Options)) (*lambda.UntagResourceOutput, error)
}

// StageReleases are the operations that move a stage to a deployment, and keep
// the record of it in the stage's tags.
type StageReleases interface {
	GetStage(context.Context, *apigateway.GetStageInput, ...func(*apigateway.Options)) (*apigateway.GetStageOutput, error)
	GetDeployment(context.Context, *apigateway.GetDeploymentInput, ...func(*apigateway.Options)) (*apigateway.GetDeploymentOutput, error)
	UpdateStage(context.Context, *apigateway.UpdateStageInput, ...func(*apigateway.Options)) (*apigateway.UpdateStageOutput, error)
	GetTags(context.Context, *apigateway.GetTagsInput, ...func(*apigateway.Options)) (*apigateway.GetTagsOutput, error)
	TagResource(context.Context, *apigateway.TagResourceInput, ...func(*apigateway.Options)) (*apigateway.TagResourceOutput, error)
	UntagResource(context.Context, *apigateway.UntagResourceInput, ...func(*apigateway.Options)) (*apigateway.UntagResourceOutput, error)
}

// Metrics tells how many calls failed.
type Metrics interface {
	GetMetricData(context.Context, *cloudwatch.GetMetricDataInput, ...func(*cloudwatch.Options)) (*cloudwatch.GetMetricDataOutput, error)
}

// Promoter is what a promotion needs of a place.
type Promoter struct {
	Clients   *Clients // reading
	Changes   *Changes // grants
	Functions func(region string) FunctionReleases
	Stages    StageReleases
	Metrics   Metrics // nil: the place counts nothing
	// HTTP fetches code packages and sends probes. It sends no credentials.
	HTTP aws.HTTPClient
}

// PromoterFromConfig makes the clients of a place.
func PromoterFromConfig(config aws.Config, requests func() int64) *Promoter {
	var mu sync.Mutex
	regions := map[string]FunctionReleases{}
	return &Promoter{
		Clients: FromConfig(config, requests),
		Changes: ChangesFromConfig(config),
		Functions: func(region string) FunctionReleases {
			mu.Lock()
			defer mu.Unlock()
			if regions[region] == nil {
				regions[region] = lambda.NewFromConfig(config, func(o *lambda.Options) {
					if region != "" {
						o.Region = region
					}
				})
			}
			return regions[region]
		},
		Stages:  apigateway.NewFromConfig(config),
		Metrics: cloudwatch.NewFromConfig(config),
		HTTP: &http.Client{
			Timeout: packageTimeout,
			// A probe is about what the stage itself answers.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// packageTimeout bounds the transfer of a code package: at most 50 MB.
const packageTimeout = 4 * time.Minute
