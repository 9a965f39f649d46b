package canaljson

import (
	"strconv"

	"github.com/weir-cdc/weir/schema"
)

// appendHead appends a message up to the value of "es".
func appendHead(dst []byte, ref schema.Ref, pkNames []string, isDDL bool, kind string) []byte {
	dst = appendString(append(dst, `{"id":0,"database":`...), ref.Schema)
	dst = appendString(append(dst, `,"table":`...), ref.Name)
	dst = append(dst, `,"pkNames":`...)
	if pkNames == nil {
		dst = append(dst, "null"...)
	} else {
		for i, name := range pkNames {
			dst = appendString(append(dst, "[,"[min(i, 1)]), name)
		}
		dst = append(dst, ']')
	}
	dst = strconv.AppendBool(append(dst, `,"isDdl":`...), isDDL)
	dst = appendString(append(dst, `,"type":`...), kind)
	return append(dst, `,"es":`...)
}

func appendTimes(dst []byte, wallMs, buildMs int64) []byte {
	dst = strconv.AppendInt(dst, wallMs, 10)
	return strconv.AppendInt(append(dst, `,"ts":`...), buildMs, 10)
}

// appendTail ends a message. name and ts are what "_tidb" holds, if the options want it.
func (o *Options) appendTail(dst []byte, name string, ts uint64) []byte {
	if o.Extension {
		dst = append(append(dst, `,"_tidb":{"`...), name...)
		dst = append(strconv.AppendUint(append(dst, `":`...), ts, 10), '}')
	}
	return append(append(dst, '}'), o.Terminator...)
}

// DDL appends the message of a statement, under the name of the first table that it changes.
func (p protocol) DDL(dst []byte, d *schema.DDL, wallMs, buildMs int64) []byte {
	dst = appendTimes(appendHead(dst, subject(d), nil, true, eventType(d.Kind)), wallMs, buildMs)
	dst = appendString(append(dst, `,"sql":`...), d.Query)
	dst = append(dst, `,"sqlType":null,"mysqlType":null,"old":null,"data":null`...)
	return p.opts.appendTail(dst, "commitTs", d.CommitTs)
}

// Watermark appends a watermark, which has no place but "_tidb".
func (p protocol) Watermark(dst []byte, ts uint64, buildMs int64) []byte {
	if !p.opts.Extension {
		return dst
	}
	dst = appendTimes(appendHead(dst, schema.Ref{}, nil, false, "TIDB_WATERMARK"), int64(ts>>18), buildMs)
	dst = append(dst, `,"sql":"","sqlType":null,"mysqlType":null,"old":null,"data":null`...)
	return p.opts.appendTail(dst, "watermarkTs", ts)
}

// subject is the database and table that a statement's message names.
func subject(d *schema.DDL) schema.Ref {
	for _, c := range d.Changes {
		switch {
		case c.After != nil:
			return schema.Ref{Schema: c.After.Schema, Name: c.After.Name}
		case c.Before != nil:
			return schema.Ref{Schema: c.Before.Schema, Name: c.Before.Name}
		}
	}
	if d.Database != "" {
		return schema.Ref{Schema: d.Database}
	}
	return schema.Ref{Schema: d.Schema}
}

// eventType is Canal's word for a kind of statement.
func eventType(k schema.Kind) string {
	switch k {
	case schema.CreateTable:
		return "CREATE"
	case schema.DropTable:
		return "ERASE"
	case schema.TruncateTable:
		return "TRUNCATE"
	case schema.RenameTable:
		return "RENAME"
	case schema.AddIndex, schema.AddForeignKey, schema.AddPrimaryKey:
		return "CINDEX"
	case schema.DropIndex, schema.DropForeignKey, schema.DropPrimaryKey:
		return "DINDEX"
	case schema.AddColumn, schema.DropColumn, schema.ModifyColumn, schema.SetDefault, schema.TableComment,
		schema.RenameIndex, schema.AddPartition, schema.DropPartition, schema.TableCharset, schema.TruncatePartition:
		return "ALTER"
	}
	return "QUERY"
}
