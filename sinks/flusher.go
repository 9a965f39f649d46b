package sinks

import (
	"context"
	"fmt"
	"io"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/weir-cdc/weir/messages"
)

// Messages between the shell and its flush child: the shell sends *job.
type (
	// done: flush child -> shell. The job is done, or failed with err.
	done struct {
		job  *job
		err  error
		rows uint64 // written since the last one
	}
	// crashed: flush child -> shell. The Writer panicked on the job.
	crashed struct{ job *job }
)

// The flusher is the shell's child that blocks in the Writer.
type flusher struct {
	env    *Env
	open   func() (Writer, error)
	writer Writer
	job    *job // that runs
	// counted is how many rows the Writer had written when it was asked last.
	counted uint64
}

func flusherProps(env *Env, open func() (Writer, error)) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &flusher{env: env, open: open} })
}

func (f *flusher) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Stopping:
		f.close()
	case *actor.Restarting:
		f.close()
		ctx.Send(ctx.Parent(), &crashed{f.job})
	case *job:
		f.job = m
		err := f.do(m)
		ctx.Send(ctx.Parent(), &done{m, err, f.took()})
	}
}

// A counter is a Writer that tells how many rows it has written so far.
type counter interface{ Rows() uint64 }

// took counts the rows since the last call, if the Writer does.
func (f *flusher) took() uint64 {
	c, ok := f.writer.(counter)
	if !ok {
		return 0
	}
	before := f.counted
	f.counted = c.Rows()
	return f.counted - min(before, f.counted)
}

func (f *flusher) do(j *job) error {
	if f.writer == nil {
		w, err := f.open()
		if err != nil {
			return err
		}
		f.writer = w
	}
	ctx, cancel := context.WithTimeout(context.Background(), writeDeadline)
	defer cancel()
	if err := f.env.Permitted(); err != nil {
		return err
	}
	switch {
	case j.execute != nil:
		return f.writer.Execute(ctx, j.execute.m.Ddl)
	case j.syncpoint != nil:
		return f.writer.WriteSyncpoint(ctx, j.syncpoint.m)
	}
	writes := make([]*messages.Write, 0, len(j.writes))
	for _, w := range j.writes {
		if len(w.Rows.GetChunks()) > 0 {
			writes = append(writes, w)
		}
	}
	if len(writes) == 0 {
		return nil
	}
	return f.writer.Write(ctx, writes)
}

func (f *flusher) close() {
	if c, ok := f.writer.(io.Closer); ok {
		_ = c.Close() // what was written is durable already
	}
	f.writer = nil
}

func typeName(m any) string { return fmt.Sprintf("%T", m) }
