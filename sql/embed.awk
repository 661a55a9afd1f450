# SPDX-License-Identifier: MIT
# Turns text files into C, so that the programs carry what they need.
#   mode=migrations FILE...   sql/ENGINE/NNN-name.sql -> schema_ENGINE[]
#   mode=text name=N FILE     one file -> const char N[]

function quote(s) {
    gsub(/\\/, "&&", s)         # "\\\\" means one or two, by the awk
    gsub(/"/, "\\\"", s)
    return "\"" s "\\n\""
}

function start_migration(path,    parts, n) {
    n = split(path, parts, "/")
    if (parts[n - 1] != engine) {
        if (engine != "")
            print " }, { 0, NULL, NULL } };"
        engine = parts[n - 1]
        printf "const schema_migration_t schema_%s[] = {\n", engine
    } else
        print " },"
    sub(/\.sql$/, "", parts[n])
    printf "{ %d, \"%s\",\n", substr(parts[n], 1, 3), substr(parts[n], 5)
}

BEGIN { print "/* made by embed.awk: do not edit */" }
NR == 1 && mode == "migrations" {
    print "#include <stddef.h>\n#include \"schema_sql.h\"\n"
}
NR == 1 && mode == "text" {
    printf "extern const char %s[];\nconst char %s[] =\n", name, name
}
FNR == 1 && mode == "migrations" { start_migration(FILENAME) }
{ print quote($0) }
END { print mode == "text" ? ";" : " }, { 0, NULL, NULL } };" }
