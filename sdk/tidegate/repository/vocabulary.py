"""The closed lists of a contract file: what ODCS 3.1 and 3.2 name, and which values the gateway takes.

Only names here; `contract_file` and `properties` read by them. A test holds them against the ODCS library's own model.
"""

__all__ = [
    "ACCESS",
    "API_VERSIONS",
    "AVRO_COMPATIBILITY",
    "CUSTOM_PROPERTIES",
    "CUSTOM_PROPERTY",
    "DEFINITION",
    "DEFINITION_TYPES",
    "DESCRIPTION",
    "FORMATS",
    "LIMITS",
    "LOGICAL_TYPES",
    "NOT_SENSITIVE",
    "NOT_SERVED",
    "PRICE",
    "PROPERTY",
    "PROTOBUF_COMPATIBILITY",
    "ROLE",
    "SCHEMA_OBJECT",
    "SERVER",
    "SERVICE_LEVEL",
    "STATUS",
    "SUPPORT",
    "TEAM",
    "TEAM_MEMBER",
    "TOP",
]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


API_VERSIONS = _names("v3.1.0 v3.2.0")
STATUS = _names("draft active deprecated retired")
ACCESS = _names("read write")

TOP = _names("""version kind apiVersion id name tenant tags status servers dataProduct description domain schema support
    price team roles slaDefaultElement slaProperties authoritativeDefinitions customProperties context
    contractCreatedTs""")
DESCRIPTION = _names("usage purpose limitations authoritativeDefinitions customProperties")
TEAM = _names("id name description members tags customProperties authoritativeDefinitions")
TEAM_MEMBER = _names("""id username name description role dateIn dateOut replacedByUsername tags customProperties
    authoritativeDefinitions""")
SUPPORT = _names("id channel url description tool scope invitationUrl customProperties")
ROLE = _names("id role description access firstLevelApprovers secondLevelApprovers customProperties")
SERVICE_LEVEL = _names("""id property value valueExt unit element driver description scheduler schedule customProperties
    authoritativeDefinitions""")
PRICE = _names("id priceAmount priceCurrency priceUnit")
SERVER = _names("""id server type description environment roles customProperties account catalog catalogUrl database
    dataset delimiter encoding endpointUrl format host location namespace path port project region regionName schema
    serviceName stagingDir stream warehouse workgroup""")
DEFINITION = _names("id url type description")
DEFINITION_TYPES = _names("""avro protobuf businessDefinition canonicalUrl glossary implementation ontology taxonomy
    transformationImplementation tutorial videoTutorial""")
CUSTOM_PROPERTY = _names("id property value description vendor")
SCHEMA_OBJECT = _names("""id name physicalType description businessName deprecated synonyms authoritativeDefinitions tags
    customProperties logicalType physicalName dataGranularityDescription properties relationships quality context""")
PROPERTY = _names("""id name physicalType physicalName description businessName deprecated synonyms
    authoritativeDefinitions tags customProperties primaryKey primaryKeyPosition logicalType logicalTypeOptions
    semanticType required unique partitioned partitionKeyPosition classification encryptedName transformSourceObjects
    transformLogic transformDescription examples enum criticalDataElement relationships quality properties items map""")
LOGICAL_TYPES = _names("string date timestamp time number integer object array boolean map vector")

CUSTOM_PROPERTIES = _names("""key eventTime compatibility unknownFields onInvalid inputs tombstones kafka limits topicLimits
    maxEventBytes route""")
"""The gateway's own options, in `schema[0].customProperties`."""

NOT_SERVED = _names("dedupeWindow")
"""Options of contracts.md that this build does not serve: a contract that asks for one is refused, by name."""

LIMITS = _names("eventsPerSecond bytesPerSecond burstSeconds")
AVRO_COMPATIBILITY = _names("BACKWARD BACKWARD_TRANSITIVE FORWARD FORWARD_TRANSITIVE FULL FULL_TRANSITIVE NONE")
PROTOBUF_COMPATIBILITY = AVRO_COMPATIBILITY | _names("FILE PACKAGE WIRE_JSON WIRE")
FORMATS = _names("date date-time time email hostname ipv4 ipv6 uri uuid")

NOT_SENSITIVE = _names("public internal")
"""Classifications whose values may be shown. Any other, a misspelt one too, hides them: the safe side."""
