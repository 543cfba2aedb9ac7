# The dashboard's page: Node builds it from web/, and it is embedded, compressed, as a C++ file.
# Without Node, or when the build fails (packages are fetched by npm), the program is built without
# it, and says so where the page would be; a later build tries again.
set(HYPERTUNE_PAGE AUTO CACHE STRING "Build and embed the dashboard's page: AUTO, ON or OFF")
set_property(CACHE HYPERTUNE_PAGE PROPERTY STRINGS AUTO ON OFF)
set(HYPERTUNE_OLDEST_NODE 18.19)

find_program(HYPERTUNE_NODE NAMES node nodejs)
find_program(HYPERTUNE_NPM npm)

set(HYPERTUNE_WHY_NO_PAGE)
if(NOT HYPERTUNE_PAGE)
  set(HYPERTUNE_WHY_NO_PAGE "it was left out by -DHYPERTUNE_PAGE=OFF")
elseif(NOT HYPERTUNE_NODE OR NOT HYPERTUNE_NPM)
  set(HYPERTUNE_WHY_NO_PAGE
    "Node ${HYPERTUNE_OLDEST_NODE} or newer with npm was missing when it was built; install both and build again")
else()
  execute_process(COMMAND ${HYPERTUNE_NODE} --version OUTPUT_VARIABLE node_version
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  string(REGEX REPLACE "^v" "" node_version "${node_version}")
  if(node_version VERSION_LESS HYPERTUNE_OLDEST_NODE)
    set(HYPERTUNE_WHY_NO_PAGE
      "Node was too old when it was built (${node_version}); install ${HYPERTUNE_OLDEST_NODE} or newer and build again")
  endif()
endif()

set(HYPERTUNE_PAGE_SOURCE ${PROJECT_BINARY_DIR}/page/page_files.cpp)
if(HYPERTUNE_WHY_NO_PAGE)
  if(HYPERTUNE_PAGE AND NOT HYPERTUNE_PAGE STREQUAL "AUTO")
    message(FATAL_ERROR "The page cannot be built: ${HYPERTUNE_WHY_NO_PAGE}, or leave it out with -DHYPERTUNE_PAGE=OFF")
  elseif(HYPERTUNE_PAGE)
    message(STATUS "The dashboard's page is left out: ${HYPERTUNE_WHY_NO_PAGE}")
  endif()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/no_page.cpp.in ${HYPERTUNE_PAGE_SOURCE} @ONLY)
else()
  file(GLOB_RECURSE page_inputs CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/web/src/* ${PROJECT_SOURCE_DIR}/web/public/*
    ${PROJECT_SOURCE_DIR}/web/scripts/*)
  list(FILTER page_inputs EXCLUDE REGEX "(/api/types\\.ts|\\.test\\.tsx?)$")
  file(GLOB page_settings CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/web/*.json ${PROJECT_SOURCE_DIR}/web/*.ts ${PROJECT_SOURCE_DIR}/web/*.html
    ${PROJECT_SOURCE_DIR}/web/.npmrc)
  # Builds in several folders share web/node_modules.
  find_program(HYPERTUNE_FLOCK flock)
  set(one_at_a_time)
  if(HYPERTUNE_FLOCK)
    set(one_at_a_time ${HYPERTUNE_FLOCK} ${PROJECT_SOURCE_DIR}/web/package.json)
  endif()
  # The first output is missing after a failure, so that the next build tries again.
  add_custom_command(
    OUTPUT ${PROJECT_BINARY_DIR}/page/built ${HYPERTUNE_PAGE_SOURCE}
    COMMAND ${one_at_a_time} ${HYPERTUNE_NODE} ${PROJECT_SOURCE_DIR}/scripts/build_page.mjs
      ${PROJECT_SOURCE_DIR}/web ${PROJECT_BINARY_DIR}/page ${HYPERTUNE_PAGE} ${HYPERTUNE_NPM}
    DEPENDS ${page_inputs} ${page_settings} ${PROJECT_SOURCE_DIR}/scripts/build_page.mjs
      ${PROJECT_SOURCE_DIR}/docs/reference/http-api.schema.json
    COMMENT "Building the dashboard's page" VERBATIM)
endif()
