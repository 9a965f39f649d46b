package main

import (
	"fmt"
	"os"

	"github.com/sirupsen/logrus"

	"github.com/weir-cdc/weir/config"
)

// newLog makes the process's logger, and makes logrus's own standard logger write the same way.
func newLog(conf *config.Config, screen *screen) (log *logrus.Logger, closeLog func(), err error) {
	log = logrus.StandardLogger()
	level, err := logrus.ParseLevel(conf.LogLevel)
	if err != nil {
		return nil, nil, usageError{err}
	}
	log.SetLevel(level)
	closeLog = func() {}
	colours := screen.colours
	if conf.LogFile == "" {
		log.SetOutput(screen)
	} else {
		f, err := os.OpenFile(conf.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o640)
		if err != nil {
			return nil, nil, fmt.Errorf("open the log file: %w: name a file that this user may write to with --log-file", err)
		}
		log.SetOutput(f)
		closeLog, colours = func() { log.SetOutput(os.Stderr); f.Close() }, false
	}
	if conf.LogFormat == "json" {
		log.SetFormatter(&logrus.JSONFormatter{})
	} else {
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, ForceColors: colours, DisableColors: !colours})
	}
	return log, closeLog, nil
}
