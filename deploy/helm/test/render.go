// Renders the chart as "helm template" does, where Helm is not to be had:
//
//	render CHART RELEASE NAMESPACE [VALUES.yaml...]
//
// Template engine, functions of Sprig, YAML and JSON schema are the libraries that Helm 3 uses, from Debian's packages.
// It differs from Helm:
//   - Charts have no subcharts, hooks, CRDs or library; .Release is always a first install. Only the templates of this
//     one folder are read, in the order of their names. NOTES.txt is printed as a comment.
//   - lookup finds nothing, as in "helm template". .Capabilities is Kubernetes 1.27 with the APIs that
//     API_VERSIONS names, separated by commas (--api-versions of Helm).
//   - .Files has Get only. There is no .helmignore and no --set.
//   - required, fail and the schema give Helm's sentences without its line numbers around them.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/xeipuuv/gojsonschema"
	"sigs.k8s.io/yaml"
)

type object = map[string]interface{}

type files string

func (folder files) Get(name string) string {
	text, err := os.ReadFile(filepath.Join(string(folder), name))
	if err != nil {
		return "" // as Helm
	}
	return string(text)
}

type versions []string

func (all versions) Has(name string) bool {
	for _, one := range all {
		if one == name {
			return true
		}
	}
	return false
}

// check ends the program with a sentence.
func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func readYAML(path string) object {
	text, err := os.ReadFile(path)
	check(err)
	values := object{}
	if err := yaml.UnmarshalStrict(text, &values); err != nil {
		check(fmt.Errorf("%s: %w", filepath.Base(path), err))
	}
	return values
}

// merge lays the values of a user over those of the chart: maps are merged, null deletes, anything else replaces.
func merge(under, over object) object {
	for key, value := range over {
		lower, isMap := under[key].(object)
		upper, stays := value.(object)
		switch {
		case value == nil:
			delete(under, key)
		case isMap && stays:
			under[key] = merge(lower, upper)
		default:
			under[key] = value
		}
	}
	return under
}

func validate(values object, chart string) error {
	path := filepath.Join(chart, "values.schema.json")
	schema, err := os.ReadFile(path)
	check(err)
	result, err := gojsonschema.Validate(gojsonschema.NewBytesLoader(schema), gojsonschema.NewGoLoader(values))
	if err != nil || result.Valid() {
		return err
	}
	said := "values don't meet the specifications of the schema(s) in the following chart(s):\ncairn-signal:"
	for _, fault := range result.Errors() {
		said += "\n- " + fault.String()
	}
	return errors.New(said)
}

func functions(all *template.Template) template.FuncMap {
	of := sprig.TxtFuncMap()
	delete(of, "env")
	delete(of, "expandenv")
	run := func(name string, text string, data interface{}) (string, error) {
		var out bytes.Buffer
		if text == "" {
			err := all.ExecuteTemplate(&out, name, data)
			return out.String(), err
		}
		copied, err := all.Clone()
		if err == nil {
			_, err = copied.New(name).Parse(text)
		}
		if err == nil {
			err = copied.ExecuteTemplate(&out, name, data)
		}
		return strings.ReplaceAll(out.String(), "<no value>", ""), err
	}
	of["include"] = func(name string, data interface{}) (string, error) { return run(name, "", data) }
	of["tpl"] = func(text string, data interface{}) (string, error) { return run("tpl", text, data) }
	of["toYaml"] = func(value interface{}) string {
		text, _ := yaml.Marshal(value)
		return strings.TrimSuffix(string(text), "\n")
	}
	of["fromYaml"] = func(text string) object {
		value := object{}
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			value["Error"] = err.Error()
		}
		return value
	}
	of["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, errors.New(message)
		}
		return value, nil
	}
	of["lookup"] = func(string, string, string, string) object { return object{} }
	return of
}

func main() {
	if len(os.Args) < 4 {
		check(errors.New("usage: render CHART RELEASE NAMESPACE [VALUES.yaml...]"))
	}
	chart, release, namespace := os.Args[1], os.Args[2], os.Args[3]
	about := readYAML(filepath.Join(chart, "Chart.yaml"))
	values := readYAML(filepath.Join(chart, "values.yaml"))
	for _, path := range os.Args[4:] {
		values = merge(values, readYAML(path))
	}
	check(validate(values, chart))

	root := template.New("chart").Option("missingkey=zero")
	root.Funcs(functions(root))
	paths, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	check(err)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		check(err)
		_, err = root.New(filepath.Base(path)).Parse(string(text))
		check(err)
	}
	data := object{
		"Values":  values,
		"Chart":   object{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
		"Release": object{"Name": release, "Namespace": namespace, "Service": "Helm", "IsInstall": true, "Revision": 1},
		"Files":   files(chart),
		"Capabilities": object{
			"APIVersions": versions(strings.Split(os.Getenv("API_VERSIONS"), ",")),
			"KubeVersion": object{"Version": "v1.27.0", "Major": "1", "Minor": "27"},
		},
	}
	for _, path := range paths {
		name := filepath.Base(path)
		data["Template"] = object{"Name": "cairn-signal/templates/" + name, "BasePath": "cairn-signal/templates"}
		var out bytes.Buffer
		check(root.ExecuteTemplate(&out, name, data))
		text := strings.TrimSpace(strings.ReplaceAll(out.String(), "<no value>", ""))
		if name == "NOTES.txt" {
			text = "# " + strings.ReplaceAll(strings.ReplaceAll(text, "\n", "\n# "), "# \n", "#\n")
		}
		if text != "" && !strings.HasPrefix(name, "_") {
			fmt.Printf("---\n# Source: cairn-signal/templates/%s\n%s\n", name, text)
		}
	}
}
