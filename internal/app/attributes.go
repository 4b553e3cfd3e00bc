package app

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/client"

	"everfold/workflows"
)

// SearchAttributes are the names and types of the search attributes of runs, as the
// `temporal` program takes them: NAME=TYPE.
func SearchAttributes() []string {
	var list []string
	for _, a := range attributes {
		list = append(list, a.name+"="+a.kind.String())
	}
	return list
}

var attributes = []struct {
	name string
	kind enumspb.IndexedValueType
}{
	{workflows.AttributeRun, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{workflows.AttributeType, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{workflows.AttributeOutcome, enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	{workflows.AttributeFailed, enumspb.INDEXED_VALUE_TYPE_INT},
}

// KnowsAttributes says whether the server that was dialled by o knows all of SearchAttributes.
// One that does not say so does not: runs are found by their ids then.
func KnowsAttributes(ctx context.Context, c client.Client, o DialOptions) bool {
	settings, err := connectionSettings(o)
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	known, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: settings.Namespace})
	if err != nil {
		return false
	}
	for _, a := range attributes {
		if known.GetCustomAttributes()[a.name] != a.kind {
			return false
		}
	}
	return true
}
