"""People, as other answers name them."""

from rest_framework import serializers


class PersonSerializer(serializers.Serializer[object]):
    name = serializers.CharField(source="full_name")
    email = serializers.EmailField()
