/* SPDX-License-Identifier: GPL-2.0-only */
/* What a connection to the CA is used for, in ascending order of usefulness.
 *
 * One list yields the enum, the counter index, the CLI label and the metric label.
 * The order is part of the meaning: where two readings of one request line are
 * possible, the lower value is the one the guard must assume (DESIGN, promise 6).
 */
#ifndef SG_ABI_CLASSES_H
#define SG_ABI_CLASSES_H

/* X(identifier, label).  GetNextCACert stands below everything an enrolment needs:
 * it is what routers ask for in their thousands before there is an answer.
 */
#define SG_REQUEST_CLASSES(X)                                                                 \
	X(NONE, "none")             /* no request byte seen yet */                            \
	X(UNDECIDED, "undecided")   /* bytes seen: line incomplete, malformed or ambiguous */ \
	X(NOT_SCEP, "not-SCEP")     /* valid HTTP without an operation */                     \
	X(OTHER_SCEP, "other-SCEP") /* an operation, but none of those below */               \
	X(GETNEXTCACERT, "GetNextCACert")                                                     \
	X(GETCACERTCHAIN, "GetCACertChain")                                                   \
	X(GETCACAPS, "GetCACaps")                                                             \
	X(GETCACERT, "GetCACert")                                                             \
	X(PKIOPERATION_GET, "PKIOperation-GET")                                               \
	X(PKIOPERATION_POST, "PKIOperation-POST")

enum sg_request_class {
#define SG_REQUEST_ENUM(identifier, label) SG_REQUEST_##identifier,
	SG_REQUEST_CLASSES(SG_REQUEST_ENUM)
#undef SG_REQUEST_ENUM
		SG_REQUEST_MAX_
};

#endif /* SG_ABI_CLASSES_H */
