"""Pulls side by side with other tools, as ratios; where the time goes; how much memory it takes."""
