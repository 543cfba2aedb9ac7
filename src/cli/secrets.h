// Passwords in URLs of stores: kept out of what is shown, stored and listed.
#pragma once

#include <string>
#include <string_view>

namespace hypertune {

/// The text with the passwords of all URLs in it masked.
std::string mask_secrets(std::string_view text);

/// The URL without its password, as it may stand in a file.
std::string without_password(std::string_view url);

/// Masks the passwords in the arguments of this process, and what follows `--token`, so that nobody
/// sees them in the list of processes. The arguments must have been read before.
void hide_arguments(int argc, char** argv);

}  // namespace hypertune
