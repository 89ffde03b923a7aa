"""What every resource of this provider is given: clients, names, markers, the deployment. No state of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from memdeploy.config.model import Deployment
from memdeploy.providers.base import Context
from memdeploy.providers.gcp import markers
from memdeploy.providers.gcp.clients import Clients
from memdeploy.providers.gcp.markers import Marker
from memdeploy.providers.gcp.names import Names


@dataclass(frozen=True)
class Scope:
    """A resource class takes `(scope, **identity)`, identity being what `Step.identity` holds: so `rebuild` works."""

    context: Context
    clients: Clients
    names: Names
    marker: Marker
    shared_marker: Marker

    @property
    def deployment(self) -> Deployment:
        return self.context.deployment

    @property
    def project(self) -> str:
        return self.names.project

    @property
    def region(self) -> str:
        return self.names.region

    @property
    def zone(self) -> str:
        return self.names.zone

    def of(self, deployment: Deployment) -> Scope:
        """The same place for another configuration of it: to know what that would consist of."""
        return replace(self, context=replace(self.context, deployment=deployment))

    @classmethod
    def open(cls, context: Context, project: str) -> Scope:
        options = context.deployment.gcp
        return cls(
            context=context,
            clients=Clients(project, rehearsal=context.rehearsal, wire=context.wire),
            names=Names.of(options, project, context.deployment.name, context.suffix),
            marker=markers.of_deployment(context.id, context.deployment.name, options.labels),
            shared_marker=markers.of_shared(options.region),
        )
