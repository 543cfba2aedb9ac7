# libpq, which is optional: the store in a PostgreSQL database.
set(HYPERTUNE_POSTGRES AUTO CACHE STRING
    "Build the PostgreSQL store: AUTO (when libpq is found), ON, OFF")
set_property(CACHE HYPERTUNE_POSTGRES PROPERTY STRINGS AUTO ON OFF)

if(HYPERTUNE_POSTGRES STREQUAL "AUTO")
  find_package(PostgreSQL QUIET)
elseif(HYPERTUNE_POSTGRES)
  find_package(PostgreSQL REQUIRED)
endif()
if(TARGET PostgreSQL::PostgreSQL)
  set(HYPERTUNE_HAS_POSTGRES ON)
  message(STATUS "PostgreSQL store: built")
else()
  set(HYPERTUNE_HAS_POSTGRES OFF)
  message(STATUS "PostgreSQL store: left out (HYPERTUNE_POSTGRES=${HYPERTUNE_POSTGRES})")
endif()
