"""From settings to copies: which there are, and what connects to each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from gslb.fallback.messages import CopyId, copy_ids
from gslb.push.clouddns.client import CloudDnsClient, project_pace
from gslb.push.pace import Pace, Timing
from gslb.push.provider import Provider
from gslb.push.route53.client import Route53Client, account_pace
from gslb.settings import PushSection

Connect = Callable[[], Provider]


def connections(settings: PushSection) -> Iterator[tuple[CopyId, Connect]]:
    """Yield the copies, each with what makes its client. Zones of an account share its pace."""
    owner, timing = settings.owner or "", Timing()
    ids = iter(copy_ids(settings))
    account = account_pace(timing)
    for aws in settings.route53:
        yield next(ids), partial(Route53Client, aws.zone, aws.zone_id, owner, pace=account)
    projects: dict[str, Pace] = {}
    for google in settings.clouddns:
        yield (
            next(ids),
            partial(
                CloudDnsClient,
                google.zone,
                google.managed_zone,
                owner,
                project=google.project,
                pace=projects.setdefault(google.project, project_pace(timing)),
            ),
        )
