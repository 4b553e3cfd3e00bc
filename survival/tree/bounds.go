package tree

type bounds struct{}
