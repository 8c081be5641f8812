package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/grants"
)

// writeShell writes the plan as a script.
func (r *Report) writeShell(w io.Writer, wide bool) error {
	place := ""
	if r.Endpoint != "" { // or the commands would reach whatever account the shell has
		place = grants.Command("export", "AWS_ENDPOINT_URL="+r.Endpoint) + "\n"
	}
	_, err := fmt.Fprintf(w, "#!/bin/sh\n# stagedoor doctor: account %s, %s\nset -e\n%s%s", r.Account, r.Region, place, lines(r.Plan(wide)))
	return err
}

func lines(commands []string) string {
	var b strings.Builder
	for _, c := range commands {
		b.WriteString(c + "\n")
	}
	return b.String()
}

// writeTerraform writes the plan's grants as aws_lambda_permission resources,
// and everything else as comments: those things have their own resources, which
// only their owner can change.
func (r *Report) writeTerraform(w io.Writer, wide bool) error {
	var b strings.Builder
	b.WriteString("# stagedoor doctor: account " + r.Account + ", " + r.Region + "\n")
	taken := map[string]bool{}
	for _, c := range r.plan(wide).commands {
		if !c.is("lambda", "add-permission") {
			b.WriteString("\n# By hand, or in the resource that it belongs to:\n#   " + strings.ReplaceAll(c.String(), "\n", "\n#   ") + "\n")
			continue
		}
		name := distinct(strings.ReplaceAll(functionLabel(c), "-", "_")+"_"+strings.ReplaceAll(c.get("statement-id"), "-", "_"), taken)
		fmt.Fprintf(&b, "\nresource \"aws_lambda_permission\" %s {\n", strconv.Quote(name))
		for _, a := range permissionArguments(c) {
			fmt.Fprintf(&b, "  %-22s = %s\n", a[0], hclString(a[1]))
		}
		b.WriteString("}\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func functionLabel(c *command) string {
	label := functionName(c.get("function-name"))
	if q := c.get("qualifier"); q != "" {
		label += "_" + q
	}
	if label == "" || label[0] >= '0' && label[0] <= '9' {
		label = "f" + label
	}
	return label
}

func distinct(name string, taken map[string]bool) string {
	unique := name
	for n := 2; taken[unique]; n++ {
		unique = name + strconv.Itoa(n)
	}
	taken[unique] = true
	return unique
}

// permissionArguments are the arguments of aws_lambda_permission (Terraform
// registry, hashicorp/aws).
func permissionArguments(c *command) [][2]string {
	var out [][2]string
	for _, pair := range [][2]string{
		{"statement_id", "statement-id"}, {"action", "action"}, {"function_name", "function-name"}, {"qualifier", "qualifier"},
		{"principal", "principal"}, {"source_arn", "source-arn"}, {"source_account", "source-account"}, {"function_url_auth_type", "function-url-auth-type"},
	} {
		if v := c.get(pair[1]); v != "" {
			out = append(out, [2]string{pair[0], v})
		}
	}
	if c.has("invoked-via-function-url") {
		out = append(out, [2]string{"invoked_via_function_url", "true"})
	}
	return out
}

// hclString quotes for Terraform, whose strings interpolate ${ and %{.
func hclString(s string) string {
	if s == "true" {
		return s
	}
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// writeCloudFormation writes the plan's grants as AWS::Lambda::Permission
// resources. The statement's id is made by CloudFormation.
func (r *Report) writeCloudFormation(w io.Writer, wide bool) error {
	resources, taken := map[string]any{}, map[string]bool{}
	var others []string
	for _, c := range r.plan(wide).commands {
		if !c.is("lambda", "add-permission") {
			others = append(others, c.String())
			continue
		}
		properties := map[string]any{"Action": c.get("action"), "FunctionName": c.get("function-name"), "Principal": c.get("principal")}
		if q := c.get("qualifier"); q != "" {
			properties["FunctionName"] = c.get("function-name") + ":" + q
		}
		for _, pair := range [][2]string{{"SourceArn", "source-arn"}, {"SourceAccount", "source-account"}, {"FunctionUrlAuthType", "function-url-auth-type"}} {
			if v := c.get(pair[1]); v != "" {
				properties[pair[0]] = v
			}
		}
		if c.has("invoked-via-function-url") {
			properties["InvokedViaFunctionUrl"] = true
		}
		name := distinct(alphanumeric(functionLabel(c)+"-"+c.get("statement-id")), taken)
		resources[name] = map[string]any{"Type": "AWS::Lambda::Permission", "Properties": properties}
	}
	template := map[string]any{"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}
	if len(others) > 0 {
		template["Metadata"] = map[string]any{"StagedoorByHand": others}
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(template)
}

// alphanumeric makes a logical id: CloudFormation takes letters and digits.
func alphanumeric(s string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '-' || r == '_' }) {
		b.WriteString(upper(word))
	}
	return b.String()
}

// needsOtherAccount reports whether a grant belongs to another account's
// function: its owner has to run it.
func (r *Report) needsOtherAccount(c *command) bool {
	arn := c.get("function-name")
	return strings.HasPrefix(arn, "arn:") && accountOf(arn) != r.Account && c.get("principal") == grants.GatewayPrincipal
}
