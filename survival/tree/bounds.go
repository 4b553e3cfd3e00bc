package tree

type bounds struct{}

type histogram struct{}
