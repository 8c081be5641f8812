package lambda

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/stagedoor/stagedoor/internal/state"
)

// listedRuntimes is the enumeration that AWS prints for an unknown runtime, in
// AWS's order (AWS recording test_create_lambda_exceptions, January 2026).
const listedRuntimes = "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2"

// retiredRuntimes maps runtimes that AWS refuses for new and changed functions
// to the family in which it recommends another. go1.x and provided are retired
// on AWS too; they stay usable here, for projects that still build for them.
var retiredRuntimes = map[types.Runtime]string{
	types.RuntimeNodejs: "nodejs24.x", types.RuntimeNodejs43: "nodejs24.x", types.RuntimeNodejs43edge: "nodejs24.x",
	types.RuntimeNodejs610: "nodejs24.x", types.RuntimeNodejs810: "nodejs24.x", types.RuntimeNodejs10x: "nodejs24.x",
	types.RuntimeNodejs12x: "nodejs24.x", types.RuntimeNodejs14x: "nodejs24.x",
	types.RuntimePython27: "python3.14", types.RuntimePython36: "python3.14", types.RuntimePython37: "python3.14",
	types.RuntimeJava8:        "java25",
	types.RuntimeDotnetcore10: "dotnet10", types.RuntimeDotnetcore20: "dotnet10", types.RuntimeDotnetcore21: "dotnet10", types.RuntimeDotnetcore31: "dotnet10",
	types.RuntimeRuby25: "ruby3.4", types.RuntimeRuby27: "ruby3.4",
}

// checkRuntime refuses what AWS refuses. Runtimes that AWS has and this
// machine lacks are accepted: the function is AWS's business, running it the
// sandbox's, which says what to install.
func checkRuntime(runtime types.Runtime) error {
	if recommended, ok := retiredRuntimes[runtime]; ok {
		// pgarbe/cdk-ecr-sync#715 quotes the sentence.
		// unverified: the runtime that AWS recommends today.
		return invalid("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use the new runtime (%s) while creating or updating functions.", runtime, recommended)
	}
	if !slices.Contains(runtime.Values(), runtime) {
		return invalid("Value %s at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [%s] or be a valid ARN", runtime, listedRuntimes)
	}
	return nil
}

// runtimeVersionARN stands for the build of a runtime. AWS names its own
// builds; the interpreter of this machine has no such name, so the ARN is made
// from the runtime's: it has AWS's form, and changes when the runtime does.
func runtimeVersionARN(region, runtime string) string {
	sum := sha256.Sum256([]byte(runtime))
	return "arn:" + state.Partition(region) + ":lambda:" + region + "::runtime:" + hex.EncodeToString(sum[:])
}
