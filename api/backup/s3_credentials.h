/// The credentials of an S3-compatible store. They are in no setting, so that none is shown.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "api/backup/s3_signature.h"
#include "cep/base/result.h"

namespace tocsin::api {
/// Asked before each request: a file may be replaced while a server works.
using S3CredentialSource = std::function<Result<S3Credentials>()>;
/// Reads lines `AWS_ACCESS_KEY_ID=…`, `AWS_SECRET_ACCESS_KEY=…` and, if any, `AWS_SESSION_TOKEN=…`,
/// in either case, with blanks around `=`; blank lines, those that begin with # and one heading
/// such as `[default]` are passed over. `where` is for messages, which have no part of the text.
/// Errors: kInvalidArgument, naming the line.
Result<S3Credentials> parse_s3_credentials(std::string_view text, const std::string& where);
/// Those of `file`; with "" of the environment's variables of these names, or else of the
/// credential tocsin-s3-credentials of systemd. Errors of the source: kInvalidArgument, and kIo for
/// a file that cannot be read.
S3CredentialSource s3_credential_source(std::string file);
}  // namespace tocsin::api
