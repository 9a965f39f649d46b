package messages

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/weir-cdc/weir/schema"
)

// A statement may hold bytes that are no text.
func TestDDLTravelsWhateverItsText(t *testing.T) {
	m := FromDDL(&schema.DDL{CommitTs: 1, Query: "CREATE TABLE t (a VARBINARY(2) DEFAULT '\xff\xfe')"})
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back DDL
	if err := proto.Unmarshal(data, &back); err != nil || back.Query != "CREATE TABLE t (a VARBINARY(2) DEFAULT '\uFFFD')" {
		t.Errorf("%q, %v", back.Query, err)
	}
}
