// Command rank places one model among the 21 published learners of the benchmark of Burk et
// al. on its 18 data sets, by the mean rank of its fold means, C and integrated Brier score
// apart, with Nemenyi's critical difference (Demšar, J. Machine Learning Res. 7, 2006).
//
// It fits every fold of every set in this process, by the code of the FitFold activity, and
// appends each score to a results file at once: interrupted and started again, it goes on.
// The tables follow from that file and the published means alone; -fit=false writes them
// without fitting anything.
//
// The entry is the first model of the spec fragment entry.yaml; its other models are ranked
// for information, each alone among the published learners. docs/DECISIONS.md names the
// entry, which was chosen before any model of ours but Cox and Kaplan–Meier was scored here.
//
// Not here: the published scores themselves, which testsuite/burk reproduces fold by fold.
package main
