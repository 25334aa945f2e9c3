"""Analysis of foreign content in a child process with limits on CPU time, memory and output."""

from reviewer.sandbox.parent import Analyses, AnalysisFailed, Analyst, ConfigurationInvalid, Job

__all__ = ["Analyses", "AnalysisFailed", "Analyst", "ConfigurationInvalid", "Job"]
