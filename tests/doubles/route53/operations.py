"""The operations that the double has: request of the API in, reply of the API out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.doubles.clock import wall
from tests.doubles.route53 import batch, names, tags, zones
from tests.doubles.route53.account import Account, Batch
from tests.doubles.route53.errors import AwsError, bad_input

_CHECKER_REGIONS = (
    "us-east-1", "us-west-1", "us-west-2", "eu-west-1",
    "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "sa-east-1",
)  # fmt: skip


def change_resource_record_sets(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ChangeResourceRecordSets``."""
    zone = account.zone(given["HostedZoneId"])
    changes = given["ChangeBatch"]["Changes"]
    zone.sets = batch.apply(zone.sets, changes, account.around(zone))
    info = account.submitted(given["ChangeBatch"].get("Comment", ""))
    account.batches.append(
        Batch(zone.id, info["Id"].rpartition("/")[2], info.get("Comment", ""), tuple(changes))
    )
    return {"ChangeInfo": info}


def list_resource_record_sets(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ListResourceRecordSets``."""
    return zones.page(account.zone(given["HostedZoneId"]), given)


def get_change(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``GetChange``."""
    if given["Id"] not in account.changes:
        raise AwsError("NoSuchChange", f"Could not find resource with ID: {given['Id']}")
    return {"ChangeInfo": account.change_info(given["Id"])}


def create_hosted_zone(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``CreateHostedZone``."""
    reference, config = given["CallerReference"], given.get("HostedZoneConfig", {})
    if any(zone.reference == reference for zone in account.zones.values()):
        raise AwsError("HostedZoneAlreadyExists", f"A zone was made with {reference}.")
    if len(account.zones) >= account.limits.hosted_zones:
        raise AwsError("TooManyHostedZones", "Limit of hosted zones reached.")
    try:
        name = names.normal(given["Name"])
    except names.BadNameError as error:
        raise AwsError("InvalidDomainName", str(error)) from None
    zone = account.add_zone(
        name, reference, private="VPC" in given, comment=config.get("Comment", "")
    )
    return {
        "HostedZone": zone.shown(),
        "ChangeInfo": account.submitted(),
        "DelegationSet": {"NameServers": zone.name_servers},
        "Location": f"{account.url}/2013-04-01/hostedzone/{zone.id}",
    }


def get_hosted_zone(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``GetHostedZone``."""
    zone = account.zone(given["Id"])
    shown: dict[str, Any] = {"HostedZone": zone.shown()}
    if zone.private:
        return shown | {"VPCs": [{"VPCRegion": "us-east-1", "VPCId": "vpc-0double"}]}
    return shown | {"DelegationSet": {"NameServers": zone.name_servers}}


def delete_hosted_zone(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``DeleteHostedZone``."""
    zone = account.zone(given["Id"])
    if len(zone.sets) > 2:
        raise AwsError(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so "
            "cannot be deleted.",
        )
    del account.zones[zone.id]
    account.tags.pop(("hostedzone", zone.id), None)
    return {"ChangeInfo": account.submitted()}


def list_hosted_zones(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ListHostedZones``."""
    shown = {zone.id: zone.shown() for zone in account.zones.values()}
    return zones.marked_page(shown, given, "HostedZones")


def list_hosted_zones_by_name(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ListHostedZonesByName``."""
    start = given.get("DNSName")
    first = given.get("HostedZoneId", "")
    if first and start is None:
        raise bad_input("HostedZoneId without DNSName.")
    size = zones.size_of(given, zones.PAGE_OF_OTHERS)
    places = sorted((names.order(zone.name), zone.id) for zone in account.zones.values())
    after = (names.order(names.normal(start)), first) if start else ("", "")
    rest = [account.zones[zone_id] for place, zone_id in places if (place, zone_id) >= after]
    shown: dict[str, Any] = {
        "HostedZones": [zone.shown() for zone in rest[:size]],
        "IsTruncated": len(rest) > size,
        "MaxItems": str(size),
    }
    if start:
        shown["DNSName"] = start
    if len(rest) > size:
        shown |= {"NextDNSName": rest[size].name, "NextHostedZoneId": rest[size].id}
    return shown


def get_hosted_zone_count(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``GetHostedZoneCount``."""
    return {"HostedZoneCount": len(account.zones)}


def get_hosted_zone_limit(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``GetHostedZoneLimit``."""
    zone = account.zone(given["HostedZoneId"])
    if given["Type"] != "MAX_RRSETS_BY_ZONE":
        raise AwsError("HostedZoneNotPrivate", "The specified HostedZone is not a private one.")
    limit = {"Type": given["Type"], "Value": account.limits.sets_of_a_zone}
    return {"Limit": limit, "Count": len(zone.sets)}


def get_account_limit(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``GetAccountLimit``."""
    counts = {
        "MAX_HEALTH_CHECKS_BY_OWNER": (account.limits.health_checks, len(account.checks.by_id)),
        "MAX_HOSTED_ZONES_BY_OWNER": (account.limits.hosted_zones, len(account.zones)),
    }
    if given["Type"] not in counts:
        raise AwsError("NotInTheDouble", f"GetAccountLimit of {given['Type']} is not in the double")
    value, count = counts[given["Type"]]
    return {"Limit": {"Type": given["Type"], "Value": value}, "Count": count}


# Health checks.


def create_health_check(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``CreateHealthCheck``."""
    check = account.checks.create(
        given["CallerReference"],
        given["HealthCheckConfig"],
        account.limits.health_checks,
        account.clock(),
    )
    where = f"{account.url}/2013-04-01/healthcheck/{check['Id']}"
    return {"HealthCheck": check, "Location": where}


def get_health_check(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``GetHealthCheck``."""
    return {"HealthCheck": account.checks.get(given["HealthCheckId"])}


def update_health_check(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``UpdateHealthCheck``."""
    changes = {name: value for name, value in given.items() if name != "HealthCheckId"}
    return {"HealthCheck": account.checks.update(given["HealthCheckId"], changes)}


def delete_health_check(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``DeleteHealthCheck``."""
    account.checks.delete(given["HealthCheckId"])
    account.tags.pop(("healthcheck", given["HealthCheckId"]), None)
    return {}


def list_health_checks(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ListHealthChecks``."""
    return zones.marked_page(account.checks.by_id, given, "HealthChecks")


def get_health_check_count(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``GetHealthCheckCount``."""
    return {"HealthCheckCount": len(account.checks.by_id)}


def get_health_check_status(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``GetHealthCheckStatus``."""
    check = account.checks.get(given["HealthCheckId"])
    words = "Success: HTTP Status Code 200, OK"
    if not account.checks.healthy[check["Id"]]:
        words = "Failure: Connection timed out. The endpoint or the internet connection is down"
    report = {"Status": words, "CheckedTime": wall(account.clock())}
    return {
        "HealthCheckObservations": [
            {"Region": region, "StatusReport": report} for region in _CHECKER_REGIONS
        ]
    }


# CIDR collections.


def create_cidr_collection(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``CreateCidrCollection``."""
    made = account.collections.create(given["Name"], given["CallerReference"])
    where = f"{account.url}/2013-04-01/cidrcollection/{made.id}"
    return {"Collection": made.summary(), "Location": where}


def change_cidr_collection(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ChangeCidrCollection``."""
    account.collections.change(
        given["Id"], given.get("CollectionVersion"), given["Changes"], account.cidr_in_use
    )
    return {"Id": account.submitted()["Id"].rpartition("/")[2]}


def delete_cidr_collection(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``DeleteCidrCollection``."""
    if account.cidr_in_use(given["Id"], "*"):
        raise AwsError("CidrCollectionInUseException", "Record sets use the collection.")
    account.collections.delete(given["Id"])
    return {}


def list_cidr_collections(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ListCidrCollections``."""
    return {"CidrCollections": [c.summary() for c in account.collections.by_id.values()]}


def list_cidr_locations(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ListCidrLocations``."""
    one = account.collections.get(given["CollectionId"])
    return {"CidrLocations": [{"LocationName": name} for name in sorted(one.locations)]}


def list_cidr_blocks(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ListCidrBlocks``."""
    one = account.collections.get(given["CollectionId"])
    wanted = given.get("LocationName")
    if wanted is not None and wanted not in one.locations:
        raise AwsError("NoSuchCidrLocationException", f"No location {wanted}.")
    blocks = [
        {"CidrBlock": block, "LocationName": name}
        for name in sorted(one.locations)
        if wanted in (None, name)
        for block in one.locations[name]
    ]
    size = int(given.get("MaxResults", zones.PAGE_OF_OTHERS))
    first = int(given.get("NextToken", "0"))
    shown: dict[str, Any] = {"CidrBlocks": blocks[first : first + size]}
    if len(blocks) > first + size:
        shown["NextToken"] = str(first + size)
    return shown


# Tags.


def change_tags_for_resource(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ChangeTagsForResource``."""
    resource = account.resource(given["ResourceType"], given["ResourceId"])
    tags.change(account.tags, resource, given)
    return {}


def list_tags_for_resource(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ListTagsForResource``."""
    resource = account.resource(given["ResourceType"], given["ResourceId"])
    return {"ResourceTagSet": tags.shown(account.tags, resource)}


def list_tags_for_resources(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """Do ``ListTagsForResources``."""
    resources = [account.resource(given["ResourceType"], one) for one in given["ResourceIds"]]
    return {"ResourceTagSets": [tags.shown(account.tags, one) for one in resources]}


OPERATIONS: dict[str, Callable[[Account, dict[str, Any]], dict[str, Any]]] = {
    "ChangeResourceRecordSets": change_resource_record_sets,
    "ListResourceRecordSets": list_resource_record_sets,
    "GetChange": get_change,
    "CreateHostedZone": create_hosted_zone,
    "GetHostedZone": get_hosted_zone,
    "DeleteHostedZone": delete_hosted_zone,
    "ListHostedZones": list_hosted_zones,
    "ListHostedZonesByName": list_hosted_zones_by_name,
    "GetHostedZoneCount": get_hosted_zone_count,
    "GetHostedZoneLimit": get_hosted_zone_limit,
    "GetAccountLimit": get_account_limit,
    "CreateHealthCheck": create_health_check,
    "GetHealthCheck": get_health_check,
    "UpdateHealthCheck": update_health_check,
    "DeleteHealthCheck": delete_health_check,
    "ListHealthChecks": list_health_checks,
    "GetHealthCheckCount": get_health_check_count,
    "GetHealthCheckStatus": get_health_check_status,
    "CreateCidrCollection": create_cidr_collection,
    "ChangeCidrCollection": change_cidr_collection,
    "DeleteCidrCollection": delete_cidr_collection,
    "ListCidrCollections": list_cidr_collections,
    "ListCidrLocations": list_cidr_locations,
    "ListCidrBlocks": list_cidr_blocks,
    "ChangeTagsForResource": change_tags_for_resource,
    "ListTagsForResource": list_tags_for_resource,
    "ListTagsForResources": list_tags_for_resources,
}
